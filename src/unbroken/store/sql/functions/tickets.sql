-- People read under a ticket: who, what for and what, in an entry that is committed before the first row is given.

-- What stands for a name in a recorded search: the same name gives the same pseudonym within a log.
create or replace function unbroken.pseudonym_in(p_log integer, p_value text) returns text
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_key bytea;
begin
  -- Without a key the name would be left out of the record, and nobody could tell.
  select k.key into strict v_key from pseudonym_keys k where k.log = p_log;
  return 'p:' || encode(sha256(v_key || sha256(v_key || convert_to(p_value, 'UTF8'))), 'hex');
end $$;

create or replace function unbroken.pseudonym(p_log text, p_value text) returns text
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
begin
  if p_value is null or octet_length(p_value) not between 1 and 1024 then
    raise exception 'a name is 1 to 1024 bytes' using errcode = 'UB009';
  end if;
  return unbroken.pseudonym_in(unbroken.log_for_reader(p_log), p_value);
end $$;

-- Whether p_scope is a flat object of few short texts under known keys.
create or replace function unbroken.is_scope(p_scope jsonb) returns boolean
language sql immutable set search_path = unbroken, pg_temp as $$
  select jsonb_typeof(p_scope) = 'object'
     and (select count(*) <= 20 and coalesce(bool_and(
            i.key in ('what', 'session', 'agent', 'actor', 'subject', 'tool', 'resource_type', 'resource', 'from', 'to', 'limit', 'after', 'request', 'about')
            and jsonb_typeof(i.value) = 'string' and octet_length(i.value #>> '{}') between 1 and 1024), true)
            from jsonb_each(case when jsonb_typeof(p_scope) = 'object' then p_scope else '{}' end) i)
$$;

-- A scope as it is recorded: names of people and of what is theirs as pseudonyms.
create or replace function unbroken.recorded_scope(p_log integer, p_scope jsonb) returns jsonb
language sql stable set search_path = unbroken, pg_temp as $$
  select coalesce(jsonb_object_agg(i.key, case when i.key in ('actor', 'subject', 'resource', 'about')
                                               then to_jsonb(unbroken.pseudonym_in(p_log, i.value #>> '{}')) else i.value end), '{}')
    from jsonb_each(p_scope) i
$$;

-- Why this login gets no ticket, or null.
create or replace function unbroken.ticket_fault(
  p_log integer, p_duty text, p_purpose text, p_case text, p_scope jsonb, p_valid interval
) returns text
language sql stable set search_path = unbroken, pg_temp as $$
  select case
    when p_duty is null then 'several duties'
    when p_log <> all (unbroken.granted_logs()) then 'no grant'
    when not unbroken.is_recovered(p_log) then 'not recovered'
    when p_purpose is null or p_purpose !~ '[^[:space:]]' then 'no purpose'
    when p_duty in ('legal', 'dpo') and (p_case is null or p_case !~ '[^[:space:]]') then 'no case'
    when octet_length(p_purpose) > 2000 or octet_length(p_case) > 200 or (p_purpose || coalesce(p_case, '')) ~ '[[:cntrl:]]'
      or p_valid is null or p_valid not between interval '1 s' and interval '12 h' then 'bad length'
    when unbroken.is_scope(p_scope) is not true then 'bad scope'
  end
$$;

-- Notes that a read was refused, and gives back whether to put it on record now: each kind at most once a minute for a login,
-- with how often it happened since. Who holds nothing for the log only leaves a note: an entry takes the log's lock, which a
-- stranger could then hold.
create or replace function unbroken.note_denial(p_log integer, p_refused text) returns boolean
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_told timestamptz;
begin
  insert into denials as d (log, login, refused, duty, told_at, untold)
  values (p_log, session_user, p_refused, unbroken.only_duty(), '-infinity', 1)
  on conflict (log, login, refused) do update set untold = d.untold + 1, duty = excluded.duty
  returning d.told_at into v_told;
  return p_refused not in ('no grant', 'several duties') and v_told < clock_timestamp() - interval '1 minute';
end $$;

-- Puts on record what was noted, of one login or of all; what somebody is noting just now is left for the next time.
create or replace function unbroken.tell_denials(p_log integer, p_login text default null) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_denial record;
begin
  for v_denial in
    select d.* from denials d where d.log = p_log and d.untold > 0 and (p_login is null or d.login = p_login)
     order by d.login, d.refused limit 100 for update skip locked
  loop
    perform unbroken.append_own(p_log, 'log.read_denied', jsonb_strip_nulls(jsonb_build_object(
      'login', v_denial.login, 'duty', v_denial.duty, 'refused', v_denial.refused, 'attempts', v_denial.untold)));
    update denials set told_at = clock_timestamp(), untold = 0
     where log = p_log and login = v_denial.login and refused = v_denial.refused;
  end loop;
end $$;

-- Opens a ticket, which is the entry log.read. A refusal is an answer and no error, which would undo its own record. The
-- ticket opens rows from the next transaction on, so that nobody reads and then takes the record of it back.
create or replace function unbroken.open_ticket(p_log text, p_purpose text, p_case text, p_scope jsonb, p_valid interval)
returns table (ticket uuid, seq bigint, duty text, expires_at timestamptz, refused text)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log integer := unbroken.log_named(p_log);
  v_now timestamptz;
begin
  duty := unbroken.only_duty();
  if v_log is null then
    refused := 'no grant';
    return next;
    return;
  end if;
  refused := unbroken.ticket_fault(v_log, duty, p_purpose, p_case, p_scope, p_valid);
  if refused is not null then
    if unbroken.note_denial(v_log, refused) then
      perform unbroken.tell_denials(v_log, session_user);
    end if;
    return next;
    return;
  end if;
  perform unbroken.tell_denials(v_log);
  ticket := gen_random_uuid();
  v_now := clock_timestamp();
  expires_at := v_now + p_valid;
  seq := unbroken.append_own(v_log, 'log.read', jsonb_strip_nulls(jsonb_build_object(
    'ticket', ticket, 'duty', duty, 'purpose', p_purpose, 'case', p_case, 'scope', unbroken.recorded_scope(v_log, p_scope),
    'valid_until', unbroken.time_text(expires_at))), ticket);
  insert into tickets (log, ticket, login, duty, opened_seq, opened_at, expires_at, opened_xid, session_id)
  values (v_log, ticket, session_user, duty, seq, v_now, expires_at, pg_current_xact_id(), p_scope ->> 'session');
  return next;
end $$;

-- Ends a ticket with the reader's account of what it was shown.
create or replace function unbroken.close_ticket(p_log text, p_ticket uuid, p_outcome text, p_count bigint, p_digest text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
  v_seq bigint;
begin
  if p_outcome is null or p_outcome not in ('complete', 'interrupted', 'refused', 'failed') or p_count is null
     or not unbroken.is_count(p_count) or p_digest is null or p_digest !~ '^[0-9a-f]{64}$' then
    raise exception 'a read ends complete, interrupted, refused or failed, with a count and a SHA-256 in hex' using errcode = 'UB009';
  end if;
  perform from tickets t where t.log = v_log and t.ticket = p_ticket and t.login = session_user and t.closed_seq is null for update;
  if not found then
    raise exception 'there is no such open ticket of this login' using errcode = 'UB007';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.read_completed', jsonb_build_object(
    'ticket', p_ticket, 'outcome', p_outcome, 'count', p_count, 'digest', p_digest));
  update tickets set closed_seq = v_seq, closed_at = clock_timestamp() where log = v_log and ticket = p_ticket;
  return v_seq;
end $$;

-- The tickets that open something to this login now: unexpired, not closed, of an earlier transaction, the duty still held, and
-- not brought back by a restore.
create or replace function unbroken.open_tickets() returns setof unbroken.tickets
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_duty constant text := unbroken.only_duty();
  v_logs constant int[] := unbroken.granted_logs();
begin
  return query
  select t.* from tickets t
   where t.login = session_user and t.closed_seq is null and t.expires_at > clock_timestamp()
     and t.opened_xid is distinct from pg_current_xact_id_if_assigned()
     and t.duty = v_duty
     and t.log = any (v_logs)
     and unbroken.is_recovered(t.log);
end $$;

-- For the policies: a statement without a ticket fails when it is planned, whatever rows there are. Said to be immutable
-- so that the planner asks it: a plain table's policy is else asked row by row, and whether it fails would tell what is there.
create or replace function unbroken.asks_with_ticket() returns boolean
language plpgsql immutable security definer set search_path = unbroken, pg_temp as $$
begin
  return unbroken.has_ticket();
end $$;

-- Asked again at each execution, where a plan is kept longer than the ticket. An error and not "false": no ticket must not
-- look like no rows. Only in the policies of partitioned tables, where PostgreSQL asks it before it looks for rows.
create or replace function unbroken.has_ticket() returns boolean
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
begin
  if not exists (select from unbroken.open_tickets()) then
    raise exception 'reading needs an open ticket: unbroken.open_ticket, committed before' using errcode = 'UB007';
  end if;
  return true;
end $$;

-- These raise like has_ticket: in a plan that is older than the ticket's end, an index may be asked for what they give, and
-- nothing would be found and nothing else asked.
create or replace function unbroken.readable_logs() returns integer[]
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
begin
  perform unbroken.has_ticket();
  return (select coalesce(array_agg(distinct t.log), '{}') from unbroken.open_tickets() t where t.session_id is null);
end $$;

create or replace function unbroken.readable_sessions() returns text[]
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
begin
  perform unbroken.has_ticket();
  return (select coalesce(array_agg(distinct t.session_id), '{}') from unbroken.open_tickets() t where t.session_id is not null);
end $$;

-- What was erased is told of all sessions at once, in entries that show nobody's content: they are open with any of them.
create or replace function unbroken.ticketed_logs() returns integer[]
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
begin
  perform unbroken.has_ticket();
  return (select coalesce(array_agg(distinct o.log), '{}') from unbroken.open_tickets() t, unnest(unbroken.incarnations_of(t.log)) as o (log));
end $$;

create or replace function unbroken.is_open(p_log integer, p_session text) returns boolean
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
begin
  return exists (select from unbroken.open_tickets() t where t.log = p_log and t.session_id = p_session);
end $$;
