-- Policies: what has to be kept for how long, all of a log's in one set. Proposed by one login with what it would change,
-- confirmed by another; the start events that periods begin with; and which policies two people have approved of in advance.
--
-- Whatever changes what may be destroyed takes the lock that destroying takes: what a batch goes by is what the entries say that
-- stand before its own.

-- The period that a text such as '6y 60d' states is written in one way.
create or replace function unbroken.is_period(p_value jsonb) returns boolean
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  return p_value is null or jsonb_typeof(p_value) = 'string' and p_value #>> '{}' ~
    '^([1-9][0-9]{0,2}y( ([1-9]|1[01])m)?( [1-9][0-9]{0,4}d)?|([1-9]|1[01])m( [1-9][0-9]{0,4}d)?|[1-9][0-9]{0,4}d)$';
end $$;

-- A text of one line, which is absent rather than empty.
create or replace function unbroken.is_line(p_value jsonb) returns boolean
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  return jsonb_typeof(p_value) = 'string' and char_length(p_value #>> '{}') between 1 and 1000 and p_value #>> '{}' !~ '[\x01-\x1f\x7f-\x9f]';
end $$;

-- Why this can't be a policy, or null.
create or replace function unbroken.policy_fault(p_policy jsonb) returns text
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  if jsonb_typeof(p_policy) <> 'object' or (p_policy ->> 'id' ~ '^[a-z0-9]+([._-][a-z0-9]+)*$' and char_length(p_policy ->> 'id') <= 120
       and jsonb_typeof(p_policy -> 'id') = 'string') is not true then
    return 'a policy has an id of lower-case words, joined by dots, dashes or underscores';
  end if;
  return p_policy ->> 'id' || ': ' || case
    when exists (select from jsonb_object_keys(p_policy) as k (key) where k.key not in (
           'id', 'version', 'title', 'citation', 'basis', 'jurisdiction', 'floor', 'ceiling', 'start', 'start_key', 'hot', 'domains', 'event_types',
           'everything', 'parts', 'zone', 'note', 'verify')) then 'it has a key that is none'
    when (jsonb_typeof(p_policy -> 'version') = 'number' and p_policy ->> 'version' ~ '^[1-9][0-9]{0,8}$') is not true then 'versions count from 1'
    when (unbroken.is_line(p_policy -> 'title') and unbroken.is_line(p_policy -> 'citation') and unbroken.is_line(p_policy -> 'jurisdiction')
          and (not p_policy ? 'note' or unbroken.is_line(p_policy -> 'note'))) is not true then 'title, citation, jurisdiction and note are texts of one line'
    when (p_policy -> 'basis' <@ '["law", "interpretation", "standard", "organisation"]') is not true then 'its basis is law, interpretation, standard or organisation'
    when not (unbroken.is_period(p_policy -> 'floor') and unbroken.is_period(p_policy -> 'ceiling') and unbroken.is_period(p_policy -> 'hot'))
      or not p_policy ?| array['floor', 'ceiling'] then 'it says how long to keep, or when to let go, such as 6y or 90d'
    when (jsonb_typeof(p_policy -> 'start') = 'string' and p_policy ->> 'start' ~ '^[a-z]+(_[a-z]+)*$' and char_length(p_policy ->> 'start') <= 120
          and (p_policy ->> 'start' = 'record') <> p_policy ? 'start_key') is not true
      or p_policy ? 'start_key' and (unbroken.is_line(p_policy -> 'start_key') and p_policy ->> 'start_key' !~ '=' and char_length(p_policy ->> 'start_key') <= 120) is not true
      then 'it starts with the record, or with an event that is told for a scope key'
    when p_policy -> 'everything' <> 'true' or p_policy -> 'verify' <> 'true' then 'everything and verify are true, or absent'
    when not p_policy ?| array['everything', 'domains', 'event_types'] then 'it is for nothing: domains, event_types or everything'
    when p_policy ? 'domains' and not unbroken.is_sorted_list(p_policy -> 'domains')
      or p_policy ? 'event_types' and not unbroken.is_sorted_list(p_policy -> 'event_types')
      or exists (select from unnest(unbroken.texts_in(p_policy -> 'event_types')) as t (type) where t.type !~ '^[a-z_]+([.]([a-z_]+|[*]))?$')
      then 'domains and event_types are sorted lists of different texts'
    when p_policy ? 'parts' and p_policy -> 'parts' not in ('["originals"]', '["payloads"]') then 'its parts are originals or payloads; of both it has no parts'
    when (unbroken.is_line(p_policy -> 'zone') and p_policy ->> 'zone' ~ '^[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$') is not true then 'it names a time zone'
  end;
end $$;

-- Why this can't be a set of policies, or null.
create or replace function unbroken.policies_fault(p_text text) returns text
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_set jsonb;
begin
  if p_text is null or octet_length(p_text) > 1048576 then
    return 'it is a text of up to 1048576 bytes';
  end if;
  v_set := p_text::jsonb;
  if unbroken.canonical(v_set) <> p_text or jsonb_typeof(v_set) <> 'object' or v_set - array['default', 'policies'] <> '{"v": 1}'
     or (jsonb_typeof(v_set -> 'policies') = 'array' and jsonb_array_length(v_set -> 'policies') between 1 and 1000) is not true then
    return 'it is the RFC 8785 text of {"default":…,"policies":[…],"v":1}, with 1 to 1000 policies';
  end if;
  return coalesce(
    (select f.fault from jsonb_array_elements(v_set -> 'policies') as p (policy), unbroken.policy_fault(p.policy) as f (fault)
      where f.fault is not null limit 1),
    case
      when exists (select from (select p.policy ->> 'id' as id, lag(p.policy ->> 'id') over (order by p.nth) as before
                                  from jsonb_array_elements(v_set -> 'policies') with ordinality as p (policy, nth)) as n
                    where n.before >= n.id collate "C") then 'its policies stand in the order of their ids, each once'
      when not exists (select from jsonb_array_elements(v_set -> 'policies') as p (policy)
                        where p.policy -> 'id' = v_set -> 'default' and p.policy ? 'everything' and not p.policy ?| array['domains', 'event_types', 'parts'])
        then 'its default is one of its policies, which is for everything and names no domains, event types or parts'
      -- The server reads all of its zones from disk for this, so once.
      when exists (select p.policy ->> 'zone' from jsonb_array_elements(v_set -> 'policies') as p (policy) where p.policy ->> 'zone' <> 'UTC'
                   except select z.name from pg_timezone_names z) then 'its policies name time zones that there are'
    end);
exception when data_exception then
  return 'it is no JSON that the log can hold';
end $$;

-- Refuses counts that are none.
create or replace function unbroken.check_counts(p_counts jsonb) returns void
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  if p_counts is null or jsonb_typeof(p_counts) <> 'object' or p_counts = '{}' or octet_length(p_counts::text) > 4000
     or exists (select from jsonb_each(p_counts) as c (name, value)
                 where (c.name ~ '^[a-z_]{1,40}$' and jsonb_typeof(c.value) = 'number' and c.value #>> '{}' ~ '^(0|[1-9][0-9]{0,14})$') is not true) then
    raise exception 'what was simulated is an object of counts' using errcode = 'UB009';
  end if;
end $$;

-- Proposes a set of policies, with what it would change as whoever proposes has simulated it. It counts once another login has
-- confirmed it, within seven days. Versions count on over all incarnations.
create or replace function unbroken.propose_policies(p_log text, p_text text, p_reason text, p_simulated jsonb)
returns table (version integer, seq bigint, expires_at timestamptz)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log   constant int := unbroken.newest_of(unbroken.log_for_reader(p_log));
  v_fault constant text := unbroken.policies_fault(p_text);
  v_sha   constant text := unbroken.sha256_of(p_text);
begin
  if v_fault is not null then
    raise exception 'this is no set of policies: %', v_fault using errcode = 'UB009';
  end if;
  perform unbroken.check_reason(p_reason);
  perform unbroken.check_counts(p_simulated);
  perform unbroken.lock_holds(v_log);
  if (unbroken.policies_in_force(v_log)).sha256 = v_sha then
    raise exception 'these policies are in force already' using errcode = 'UB009';
  end if;
  version := coalesce((select max(s.version) from policy_sets s where s.log = any (unbroken.incarnations_of(v_log))), 0) + 1;
  expires_at := clock_timestamp() + interval '168 hours';
  seq := unbroken.append_own(v_log, 'log.policies_proposed', jsonb_build_object(
    'version', version, 'sha256', v_sha, 'text', p_text, 'reason', p_reason, 'simulated', p_simulated, 'valid_until', unbroken.time_text(expires_at)));
  insert into policy_sets (log, version, text, sha256, simulated, reason, proposed_by, proposed_at, proposed_seq, expires_at)
  values (v_log, propose_policies.version, p_text, v_sha, p_simulated, p_reason, session_user, clock_timestamp(), propose_policies.seq, propose_policies.expires_at);
  return next;
end $$;

-- The set of this version that nobody has decided on, locked.
create or replace function unbroken.waiting_policies(p_log integer, p_version integer) returns unbroken.policy_sets
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_set unbroken.policy_sets;
begin
  perform unbroken.lock_holds(p_log);
  select s.* into v_set from policy_sets s
   where s.log = any (unbroken.incarnations_of(p_log)) and s.version = p_version and s.outcome is null for update;
  if not found then
    raise exception 'there is no such set of policies that waits for a second person' using errcode = 'UB009';
  end if;
  return v_set;
end $$;

-- The second person's word: from here on these policies count.
create or replace function unbroken.confirm_policies(p_log text, p_version integer) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
  v_set constant unbroken.policy_sets := unbroken.waiting_policies(v_log, p_version);
  v_seq bigint;
begin
  perform unbroken.require_recovered(v_log);
  if session_user = v_set.proposed_by then
    raise exception 'a second person confirms, with a login of their own' using errcode = 'UB008';
  end if;
  if v_set.expires_at < clock_timestamp() or p_version < (unbroken.policies_in_force(v_log)).version then
    raise exception 'this proposal has expired, or was overtaken by a newer one: propose anew' using errcode = 'UB009';
  end if;
  v_seq := unbroken.append_own(v_set.log, 'log.policies_confirmed', jsonb_build_object('version', p_version, 'sha256', v_set.sha256));
  update policy_sets set outcome = 'confirmed', decided_by = session_user, decided_at = clock_timestamp(), decided_seq = v_seq
   where log = v_set.log and version = p_version;
  return v_seq;
end $$;

create or replace function unbroken.withdraw_policies(p_log text, p_version integer) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_set constant unbroken.policy_sets := unbroken.waiting_policies(unbroken.log_for_reader(p_log), p_version);
  v_seq bigint;
begin
  v_seq := unbroken.append_own(v_set.log, 'log.policies_withdrawn', jsonb_build_object('version', p_version));
  update policy_sets set outcome = 'withdrawn', decided_by = session_user, decided_at = clock_timestamp(), decided_seq = v_seq
   where log = v_set.log and version = p_version;
  return v_seq;
end $$;

-- All sets of a log and its other incarnations, newest first. One that was proposed is overtaken by a newer one that counts.
create or replace function unbroken.policy_sets(p_log text) returns table (
  version integer, state text, sha256 text, text text, simulated jsonb, reason text, proposed_by text, proposed_at timestamptz,
  proposed_seq bigint, expires_at timestamptz, decided_by text, decided_at timestamptz, decided_seq bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_force constant unbroken.policy_sets := unbroken.policies_in_force(v_log);
begin
  return query
  select s.version,
         case when (s.log, s.version) = (v_force.log, v_force.version) then 'in force' when s.outcome = 'confirmed' then 'replaced'
              when s.outcome = 'withdrawn' then 'withdrawn' when s.version < v_force.version then 'overtaken'
              when s.expires_at < clock_timestamp() then 'expired' else 'proposed' end,
         s.sha256, s.text, s.simulated, s.reason, s.proposed_by, s.proposed_at, s.proposed_seq, s.expires_at,
         s.decided_by, s.decided_at, s.decided_seq
    from policy_sets s where s.log = any (unbroken.incarnations_of(v_log)) order by s.log desc, s.version desc;
end $$;

-- Tells when something happened that a period starts with. Told anew, it is corrected; told again as it stands, nothing is done.
create or replace function unbroken.tell_start(p_log text, p_kind text, p_item text, p_at timestamptz, p_evidence text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log  constant int := unbroken.newest_of(unbroken.log_for_reader(p_log));
  v_told unbroken.start_events;
  v_seq  bigint;
begin
  if (p_kind ~ '^[a-z]+(_[a-z]+)*$' and octet_length(p_kind) <= 120 and p_kind <> 'record') is not true then
    raise exception 'an event that a period starts with is lower-case words, joined by underscores, such as account_closed' using errcode = 'UB009';
  end if;
  if (p_item like '%_=_%' and octet_length(p_item) <= 1024 and p_item !~ '[[:cntrl:]]') is not true then
    raise exception 'it is told for an item of scopes, such as account=17' using errcode = 'UB009';
  end if;
  if (p_at >= '1900-01-01T00:00:00Z' and p_at < '2200-01-01T00:00:00Z') is not true then
    raise exception 'it happened, or is going to, between the years 1900 and 2200' using errcode = 'UB009';
  end if;
  if p_evidence is null or p_evidence !~ '[^[:space:]]' or octet_length(p_evidence) > 2000 then
    raise exception 'say what shows it, in up to 2000 bytes' using errcode = 'UB009';
  end if;
  perform unbroken.lock_holds(v_log);
  select s.* into v_told from start_events s where s.log = v_log and s.kind = p_kind and s.item = p_item;
  if (v_told.at, v_told.evidence) = (p_at, p_evidence) then
    return v_told.seq;
  end if;
  v_seq := unbroken.append_own(v_log, 'log.start_told', jsonb_build_object(
    'kind', p_kind, 'item', p_item, 'at', unbroken.time_text(p_at), 'evidence', p_evidence));
  insert into start_events (log, kind, item, at, evidence, told_by, told_at, seq)
  values (v_log, p_kind, p_item, p_at, p_evidence, session_user, clock_timestamp(), v_seq)
  on conflict (log, kind, item) do update set at = excluded.at, evidence = excluded.evidence, told_by = excluded.told_by,
    told_at = excluded.told_at, seq = excluded.seq;
  return v_seq;
end $$;

-- When what periods start with happened, as it counts: by the newest incarnation that was told of it.
create or replace function unbroken.start_events(p_log text)
returns table (kind text, item text, at timestamptz, evidence text, told_by text, told_at timestamptz, seq bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select distinct on (s.kind, s.item) s.kind, s.item, s.at, s.evidence, s.told_by, s.told_at, s.seq
    from start_events s where s.log = any (unbroken.incarnations_of(v_log)) order by s.kind, s.item, s.log desc;
end $$;

-- Asks for leave, until a day, to let what these policies have let go be destroyed without asking each time.
create or replace function unbroken.ask_standing(p_log text, p_policies text[], p_valid_until timestamptz, p_reason text)
returns table (approval uuid, seq bigint, expires_at timestamptz)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log      constant int := unbroken.newest_of(unbroken.log_for_reader(p_log));
  v_policies constant text[] := array(select distinct p.id collate "C" from unnest(p_policies) as p (id) order by 1);
begin
  perform unbroken.check_reason(p_reason);
  if (p_valid_until > clock_timestamp() and p_valid_until <= clock_timestamp() + interval '9600 hours') is not true then
    raise exception 'an approval in advance ends within 400 days' using errcode = 'UB009';
  end if;
  perform unbroken.lock_holds(v_log);
  if cardinality(v_policies) not between 1 and 1000 or not v_policies <@ array(select r.id from unbroken.rules_in_force(v_log) r) then
    raise exception 'an approval in advance is for 1 to 1000 of the policies in force' using errcode = 'UB009';
  end if;
  approval := gen_random_uuid();
  expires_at := clock_timestamp() + interval '168 hours';
  seq := unbroken.append_own(v_log, 'log.standing_asked', jsonb_build_object(
    'approval', approval, 'policies', to_jsonb(v_policies), 'reason', p_reason, 'valid_until', unbroken.time_text(p_valid_until),
    'answer_until', unbroken.time_text(expires_at)), approval);
  insert into standing_approvals (log, approval, policies, reason, asked_by, asked_at, asked_seq, expires_at, valid_until)
  values (v_log, ask_standing.approval, v_policies, p_reason, session_user, clock_timestamp(), ask_standing.seq, ask_standing.expires_at, p_valid_until);
  return next;
end $$;

-- An approval in advance that has not ended, locked.
create or replace function unbroken.open_standing(p_log integer, p_approval uuid) returns unbroken.standing_approvals
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_row unbroken.standing_approvals;
begin
  perform unbroken.lock_holds(p_log);
  select s.* into v_row from standing_approvals s
   where s.log = any (unbroken.incarnations_of(p_log)) and s.approval = p_approval and s.ended_seq is null for update;
  if not found then
    raise exception 'there is no such approval in advance, or it has ended' using errcode = 'UB009';
  end if;
  return v_row;
end $$;

create or replace function unbroken.confirm_standing(p_log text, p_approval uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
  v_row constant unbroken.standing_approvals := unbroken.open_standing(v_log, p_approval);
  v_seq bigint;
begin
  perform unbroken.require_recovered(v_log);
  if session_user = v_row.asked_by then
    raise exception 'a second person confirms, with a login of their own' using errcode = 'UB008';
  end if;
  if v_row.confirmed_seq is not null or least(v_row.expires_at, v_row.valid_until) < clock_timestamp() then
    raise exception 'this approval in advance was confirmed already, or has expired: ask anew' using errcode = 'UB009';
  end if;
  v_seq := unbroken.append_own(v_row.log, 'log.standing_confirmed', jsonb_build_object('approval', p_approval));
  update standing_approvals set confirmed_by = session_user, confirmed_at = clock_timestamp(), confirmed_seq = v_seq
   where log = v_row.log and approval = p_approval;
  return v_seq;
end $$;

-- Ends it at once, also before it was confirmed: one person is enough to be asked again.
create or replace function unbroken.end_standing(p_log text, p_approval uuid, p_reason text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_row constant unbroken.standing_approvals := unbroken.open_standing(unbroken.log_for_reader(p_log), p_approval);
  v_seq bigint;
begin
  perform unbroken.check_reason(p_reason);
  v_seq := unbroken.append_own(v_row.log, 'log.standing_ended', jsonb_build_object('approval', p_approval, 'reason', p_reason));
  update standing_approvals set ended_by = session_user, ended_at = clock_timestamp(), ended_seq = v_seq
   where log = v_row.log and approval = p_approval;
  return v_seq;
end $$;

-- Of the policies of an approval in advance those that are what they were when it was asked for. What two people approved of is a
-- policy's periods, and whatever takes its name later is another.
create or replace function unbroken.unchanged_policies(p_row unbroken.standing_approvals) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return array(
    select n.policy ->> 'id' collate "C"
      from jsonb_array_elements((unbroken.policies_in_force(p_row.log)).text::jsonb -> 'policies') as n (policy)
     where n.policy ->> 'id' = any (p_row.policies)
       and n.policy in (
         select o.policy
           from (select s.text::jsonb as policies from policy_sets s
                  where s.log = any (unbroken.incarnations_of(p_row.log)) and s.outcome = 'confirmed' and s.decided_at <= p_row.asked_at
                  order by s.log desc, s.version desc limit 1) as t,
                jsonb_array_elements(t.policies -> 'policies') as o (policy))
     order by 1);
end $$;

-- The approvals in advance that count now, with the policies that each is for.
create or replace function unbroken.standing_in_force(p_log integer) returns table (approval uuid, policies text[])
language plpgsql stable set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
begin
  return query
  select s.approval, unbroken.unchanged_policies(s) from standing_approvals s
   where s.log = any (unbroken.incarnations_of(p_log)) and s.confirmed_seq is not null and s.ended_seq is null and s.valid_until > clock_timestamp();
end $$;

-- All approvals in advance, newest first, with the policies that each is still for.
create or replace function unbroken.standing_approvals(p_log text) returns table (
  approval uuid, state text, policies text[], unchanged text[], reason text, asked_by text, asked_at timestamptz, asked_seq bigint,
  expires_at timestamptz, valid_until timestamptz, confirmed_by text, confirmed_at timestamptz, confirmed_seq bigint,
  ended_by text, ended_at timestamptz, ended_seq bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select s.approval,
         case when s.ended_seq is not null then 'ended' when s.valid_until < clock_timestamp() then 'over' when s.confirmed_seq is not null then 'in force'
              when s.expires_at < clock_timestamp() then 'expired' else 'asked' end,
         s.policies, unbroken.unchanged_policies(s), s.reason, s.asked_by, s.asked_at, s.asked_seq, s.expires_at, s.valid_until,
         s.confirmed_by, s.confirmed_at, s.confirmed_seq, s.ended_by, s.ended_at, s.ended_seq
    from standing_approvals s where s.log = any (unbroken.incarnations_of(v_log)) order by s.asked_at desc, s.approval;
end $$;

-- Classes by their numbers.
create or replace function unbroken.retention_classes(p_log text, p_classes integer[])
returns table (class integer, event_type text, domains text[], scope text[])
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select c.class, c.event_type, c.domains, c.scope from retention_classes c where c.log = v_log and c.class = any (p_classes) order by c.class;
end $$;

-- What reviewers decided for these entries: the day until which they are kept, and other domains than they were recorded with.
create or replace function unbroken.decided_among(p_log integer, p_seqs bigint[]) returns table (seq bigint, extended timestamptz, domains text[])
language plpgsql stable set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
begin
  if not exists (select from disposal_decisions d where d.log = p_log) then
    return;
  end if;
  return query
  with decisions as materialized (
    select d.decision, d.classes, d.seqs, d.until, d.domains, d.seq, p.upto
      from disposal_decisions d join disposals p on p.log = d.log and p.disposal = d.disposal
     where d.log = p_log and (d.decision = 'extend' or p.approved_seq is not null)
  )
  select f.seq, f.extended, f.domains
    from (select e.seq,
                 (select max(d.until) from decisions d where d.decision = 'extend' and e.seq <= d.upto and (e.class = any (d.classes) or d.seqs @> e.seq)) as extended,
                 (select d.domains from decisions d where d.decision = 'relabel' and e.seq <= d.upto and (e.class = any (d.classes) or d.seqs @> e.seq)
                   order by d.seq desc limit 1) as domains
            from unnest(p_seqs) as s (seq) join entries e on e.log = p_log and e.seq = s.seq) as f
   where f.extended is not null or f.domains is not null;
end $$;

-- How many of the next numbers after one hold something, by class, by the quarter of an hour in which they were recorded, and by
-- what reviewers decided and which parts there are, so that the entries of one row are alike in that; one row without a class says
-- up to where, and where the log ends.
create or replace function unbroken.class_counts(p_log text, p_after bigint, p_limit integer)
returns table (upto bigint, head bigint, class integer, recorded_at timestamptz, extended timestamptz, domains text[],
               entries bigint, payloads bigint, originals bigint, held bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_after constant bigint := greatest(coalesce(p_after, 0), 0);
  v_head  constant bigint := unbroken.head_of(v_log);
  v_upto  constant bigint := least(v_after + least(greatest(coalesce(p_limit, 1), 1), 50000), greatest(v_head, v_after));
  v_seqs  bigint[];
  v_held  bigint[];
begin
  v_seqs := array(
    select p.seq from payloads p where p.log = v_log and p.seq > v_after and p.seq <= v_upto
    union
    select o.seq from originals o where o.log = v_log and o.seq > v_after and o.seq <= v_upto
    order by 1);
  v_held := unbroken.held_among(v_log, v_seqs);
  return query
  select v_upto, v_head, e.class, date_bin('15 minutes', e.recorded_at, '2000-01-01T00:00:00Z'), d.extended, d.domains,
         count(*), count(p.seq), count(o.seq), count(h.seq)
    from unnest(v_seqs) as s (seq)
    join entries e on e.log = v_log and e.seq = s.seq and e.class is not null
    left join payloads p on p.log = v_log and p.seq = s.seq
    left join originals o on o.log = v_log and o.seq = s.seq
    left join unnest(v_held) as h (seq) on h.seq = s.seq
    left join unbroken.decided_among(v_log, v_seqs) as d on d.seq = s.seq
   group by 3, 4, 5, 6, p.seq is null, o.seq is null;
  return query select v_upto, v_head, null::int, null::timestamptz, null::timestamptz, null::text[], 0::bigint, 0::bigint, 0::bigint, 0::bigint;
end $$;

-- Whether a number is in ranges such as '3-7,9'.
create or replace function unbroken.is_in_ranges(p_seq bigint, p_ranges text) returns boolean
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  return exists (select from string_to_table(p_ranges, ',') as r (range)
                  where p_seq between split_part(r.range, '-', 1)::bigint
                                  and coalesce(nullif(split_part(r.range, '-', 2), ''), split_part(r.range, '-', 1))::bigint);
end $$;

-- The entry that tells what became of what an entry held, or null.
create or replace function unbroken.gone_with(p_log integer, p_seq bigint) returns bigint
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return (
    select e.seq
      from entries e join payloads p on p.log = e.log and p.seq = e.seq
     where e.log = any (unbroken.incarnations_of(p_log)) and e.event_type in ('log.erased', 'log.disposed')
       and coalesce(p.details::jsonb ->> 'log', unbroken.full_name(e.log)) = unbroken.full_name(p_log)
       and jsonb_typeof(p.details::jsonb -> 'complete') is null
       and (unbroken.is_in_ranges(p_seq, p.details::jsonb ->> 'payloads') or unbroken.is_in_ranges(p_seq, p.details::jsonb ->> 'originals'))
     order by e.log, e.seq limit 1);
end $$;

-- What there is to explain of one entry, named by its number or its event's id, and what the database makes of it. No row: there
-- is no such entry. A row for each part where they have policies of their own. Which holds are on it the duty retention may not
-- know, and is told only that there are.
create or replace function unbroken.retention_of(p_log text, p_entry text) returns table (
  seq bigint, recorded_at timestamptz, event_type text, is_own boolean, class integer, class_domains text[], domains text[], scope text[],
  extended timestamptz, payload boolean, original boolean, gone_seq bigint, gone_type text, held boolean, matters text[], holds text[],
  version integer, waits text[], keep_until timestamptz, erase_by timestamptz, is_due boolean, now timestamptz, part text)
language plpgsql stable security definer set search_path = unbroken, pg_temp set plan_cache_mode = force_custom_plan as $$
#variable_conflict use_column
declare
  v_log    constant int := unbroken.log_for_reader(p_log);
  v_seq    bigint;
  v_gone   bigint;
  v_holds  uuid[];
begin
  if p_entry ~ '^[1-9][0-9]{0,17}$' then
    v_seq := p_entry::bigint;
  elsif p_entry ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    v_seq := (select i.seq from event_ids i where i.log = v_log and i.id = p_entry::uuid);
  else
    raise exception 'an entry goes by its number, or by its event''s id' using errcode = 'UB009';
  end if;
  v_holds := array(select distinct s.hold from unbroken.scopes_in_force(v_log) s
                    where unbroken.held_among(v_log, array[v_seq], s.hold) <> '{}' order by 1);
  if not exists (select from payloads p where p.log = v_log and p.seq = v_seq) and not exists (select from originals o where o.log = v_log and o.seq = v_seq) then
    v_gone := unbroken.gone_with(v_log, v_seq);
  end if;
  return query
  select e.seq, e.recorded_at, e.event_type, e.event::json ->> 'recorder' is null, e.class, c.domains, coalesce(x.domains, c.domains), c.scope,
         x.extended, exists (select from payloads p where p.log = v_log and p.seq = e.seq),
         exists (select from originals o where o.log = v_log and o.seq = e.seq), v_gone,
         (select g.event_type from entries g where g.log = any (unbroken.incarnations_of(v_log)) and g.seq = v_gone and g.event_type in ('log.erased', 'log.disposed') limit 1),
         v_holds <> '{}',
         case when unbroken.only_duty() <> 'retention' then
           array(select h.matter from holds h where h.log = any (unbroken.incarnations_of(v_log)) and h.hold = any (v_holds) order by h.hold) end,
         case when unbroken.only_duty() <> 'retention' then array(select u.hold::text from unnest(v_holds) as u (hold) order by u.hold) end,
         (unbroken.policies_in_force(v_log)).version, d.waits, d.keep_until, d.erase_by,
         coalesce(unbroken.is_due(d.waits, d.keep_until, d.erase_by, clock_timestamp()), false), clock_timestamp(), coalesce(d.part, 'both')
    from entries e
    left join retention_classes c on c.log = e.log and c.class = e.class
    left join unbroken.decided_among(v_log, array[v_seq]) as x on x.seq = e.seq
    left join unbroken.due_among(v_log, array[v_seq]) as d on d.seq = e.seq
   where e.log = v_log and e.seq = v_seq order by d.part desc;
end $$;
