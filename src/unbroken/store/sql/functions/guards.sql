-- Guards look at state, never at a setting. They fire always, also under session_replication_role = replica.

create or replace function unbroken.refuse_change() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name using errcode = 'UB010';
end $$;

-- A session's counter may only grow, by append.
create or replace function unbroken.refuse_uncounting() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.session_id, new.first_seq) is distinct from (old.log, old.session_id, old.first_seq)
     or new.entries <= old.entries or new.last_seq <= old.last_seq then
    raise exception 'a session''s count can only grow' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A request goes one way: decided, approval withdrawn or used once.
create or replace function unbroken.refuse_undeciding() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.request, new.requested_seq, new.tool, new.call_id, new.arguments_hash, new.actor_id, new.agent_id, new.requested_until)
       is distinct from (old.log, old.request, old.requested_seq, old.tool, old.call_id, old.arguments_hash, old.actor_id, old.agent_id, old.requested_until)
     or old.used_seq is not null or old.outcome = 'denied'
     or old.outcome = 'approved' and new.outcome is distinct from 'denied'
        and (new.outcome, new.decided_seq, new.approved_until, new.self_attested)
            is distinct from (old.outcome, old.decided_seq, old.approved_until, old.self_attested)
     or new.decided_seq < old.decided_seq then
    raise exception 'a request for approval can not be undecided' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- Whether entry p_seq was made by the log itself (no recorder: the door demands one of everybody else), is of this type, and
-- says of this login what p_details says.
create or replace function unbroken.is_told(p_log integer, p_seq bigint, p_type text, p_details jsonb) returns boolean
language sql stable set search_path = unbroken, pg_temp as $$
  select exists (
    select from entries e join payloads p on p.log = e.log and p.seq = e.seq
     where e.log = p_log and e.seq = p_seq and e.event_type = p_type
       and e.event::json ->> 'recorder' is null and p.details::jsonb @> p_details)
$$;

-- The same of what this login did.
create or replace function unbroken.is_told_by(p_login text, p_log integer, p_seq bigint, p_type text, p_details jsonb) returns boolean
language sql stable set search_path = unbroken, pg_temp as $$
  select unbroken.is_told(p_log, p_seq, p_type, p_details)
     and exists (select from entries e where e.log = p_log and e.seq = p_seq and e.actor_id = p_login)
$$;

-- No row of grants without its entry; a row ends once, with the entry that ends it.
create or replace function unbroken.refuse_untold_grant() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'UPDATE' and (
       (new.log, new.login, new.duty, new.granted_at, new.granted_by, new.confirmed_by)
         is distinct from (old.log, old.login, old.duty, old.granted_at, old.granted_by, old.confirmed_by)
       or old.granted_seq is not null and new.granted_seq is distinct from old.granted_seq
       or old.revoked_at is not null)
     or new.revoked_at is not null and tg_op = 'INSERT' then
    raise exception 'a grant is made once and ends once' using errcode = 'UB010';
  end if;
  if (tg_op = 'INSERT' or new.granted_seq is distinct from old.granted_seq)
        and not unbroken.is_told(new.log, new.granted_seq, 'access_granted', jsonb_build_object('login', new.login, 'duty', new.duty))
     or new.revoked_at is not null
        and not unbroken.is_told(new.log, new.revoked_seq, 'access_revoked', jsonb_build_object('login', new.login, 'duty', new.duty)) then
    raise exception 'a grant begins and ends with its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A request for access is decided once; a ticket is opened by its entry and closed once.
create or replace function unbroken.refuse_redeciding() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.request, new.login, new.duty, new.reason, new.requested_by, new.requested_at, new.requested_seq, new.expires_at)
       is distinct from (old.log, old.request, old.login, old.duty, old.reason, old.requested_by, old.requested_at, old.requested_seq, old.expires_at)
     or old.outcome is not null or new.outcome is null
     or not unbroken.is_told(new.log, new.decided_seq, case new.outcome when 'granted' then 'access_granted' else 'log.access_withdrawn' end,
                             jsonb_build_object('request', new.request)) then
    raise exception 'a request for access is decided once, by its entry' using errcode = 'UB010';
  end if;
  return new;
end $$;

create or replace function unbroken.refuse_untold_ticket() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'UPDATE' and (
       (new.log, new.ticket, new.login, new.duty, new.opened_seq, new.opened_at, new.expires_at, new.opened_xid, new.session_id)
         is distinct from (old.log, old.ticket, old.login, old.duty, old.opened_seq, old.opened_at, old.expires_at, old.opened_xid, old.session_id)
       or old.closed_seq is not null)
     or not unbroken.is_told(new.log, new.opened_seq, 'log.read', jsonb_build_object('ticket', new.ticket, 'duty', new.duty))
     or new.closed_seq is not null
        and not unbroken.is_told(new.log, new.closed_seq, 'log.read_completed', jsonb_build_object('ticket', new.ticket)) then
    raise exception 'a ticket is opened and closed by its entries, once' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A version of the registry follows the one before it and is what its entry says; so is a look-up of names.
create or replace function unbroken.refuse_untold_registry() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if new.version is distinct from (select coalesce(max(r.version), 0) + 1 from registries r where r.log = new.log)
     or new.sha256 is distinct from encode(sha256(convert_to(new.text, 'UTF8')), 'hex')
     or not unbroken.is_told_by(new.loaded_by, new.log, new.loaded_seq, 'log.registry_loaded',
                                jsonb_build_object('version', new.version, 'sha256', new.sha256)) then
    raise exception 'a version of the registry is loaded with its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

create or replace function unbroken.refuse_untold_lookup() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if not unbroken.is_told_by(new.login, new.log, new.asked_seq, 'log.names_asked', jsonb_build_object('lookup', new.lookup, 'ticket', new.ticket))
     or to_jsonb(new.pseudonyms) is distinct from
          (select p.details::jsonb -> 'pseudonyms' from payloads p where p.log = new.log and p.seq = new.asked_seq) then
    raise exception 'names are asked for with an entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- What an agent was last seen to use only follows its newer calls, or a change that was told could be told as none.
create or replace function unbroken.refuse_unseen_agent() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'UPDATE' and ((new.log, new.agent_id, new.agent_version, new.template) is distinct from (old.log, old.agent_id, old.agent_version, old.template)
                           or new.seq <= old.seq)
     or not exists (select from entries e where e.log = new.log and e.seq = new.seq and e.event_type = 'model_call' and e.agent_id = new.agent_id) then
    raise exception 'what an agent was seen to use follows its calls' using errcode = 'UB010';
  end if;
  return new;
end $$;

do $$
declare
  v_table text;
  v_guard text[];
begin
  for v_table in select c.relname from pg_class c where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition loop
    execute format('create or replace trigger refuse_truncate before truncate on unbroken.%I execute function unbroken.refuse_change()', v_table);
    execute format('alter table unbroken.%I enable always trigger refuse_truncate', v_table);
  end loop;
  foreach v_table in array array['entries', 'payloads', 'event_ids', 'logs', 'migrations', 'recorders', 'pseudonym_keys',
                                 'identities', 'name_lookups', 'registries', 'unclassified'] loop
    execute format('create or replace trigger refuse_change before update or delete on unbroken.%I for each row execute function unbroken.refuse_change()', v_table);
    execute format('alter table unbroken.%I enable always trigger refuse_change', v_table);
  end loop;
  foreach v_guard slice 1 in array array[
    ['sessions', 'refuse_uncounting', 'update'], ['approvals', 'refuse_undeciding', 'update'], ['grants', 'refuse_untold_grant', 'insert or update'],
    ['access_requests', 'refuse_redeciding', 'update'], ['tickets', 'refuse_untold_ticket', 'insert or update'],
    ['agents', 'refuse_unseen_agent', 'insert or update']]
  loop
    execute format('create or replace trigger refuse_delete before delete on unbroken.%I for each row execute function unbroken.refuse_change()', v_guard[1]);
    execute format('alter table unbroken.%I enable always trigger refuse_delete', v_guard[1]);
    execute format('create or replace trigger %I before %s on unbroken.%I for each row execute function unbroken.%I()',
                   v_guard[2], v_guard[3], v_guard[1], v_guard[2]);
    execute format('alter table unbroken.%I enable always trigger %I', v_guard[1], v_guard[2]);
  end loop;
  create or replace trigger refuse_delete before delete on unbroken.denials for each row execute function unbroken.refuse_change();
  alter table unbroken.denials enable always trigger refuse_delete;
  foreach v_guard slice 1 in array array[['registries', 'refuse_untold_registry'], ['name_lookups', 'refuse_untold_lookup']] loop
    execute format('create or replace trigger %I before insert on unbroken.%I for each row execute function unbroken.%I()',
                   v_guard[2], v_guard[1], v_guard[2]);
    execute format('alter table unbroken.%I enable always trigger %I', v_guard[1], v_guard[2]);
  end loop;
  drop trigger if exists refuse_update on unbroken.grants;
end $$;
