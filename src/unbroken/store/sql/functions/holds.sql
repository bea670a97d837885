-- Legal holds: issued by one login at once, narrowed and released by two. What one covers is a conjunction, in force for all
-- incarnations of a log and for what is still to come; a version that was narrowed or released covers on until its grace period
-- is over. Who may know of them: legal, compliance, dpo, verifier.

-- Why this can't be what a hold covers, or null. Every list is sorted and holds each text once, so that the same scope is the same
-- text, and has one hash.
create or replace function unbroken.hold_scope_fault(p_scope jsonb) returns text
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_item record;
begin
  if p_scope is null or jsonb_typeof(p_scope) <> 'object' or p_scope = '{}' or octet_length(p_scope::text) > 1048576 then
    return 'it is an object of at least one key, in up to 1 MiB';
  end if;
  if p_scope ? 'everything' then
    return case when p_scope <> '{"everything": true}' then '"everything" stands alone, and is true' end;
  end if;
  for v_item in select j.key, j.value from jsonb_each(p_scope) j loop
    case
      when v_item.key in ('from', 'to') then
        if not unbroken.is_time_text(v_item.value) then
          return format('"%s" is a time such as 2026-01-31T09:30:00.000000Z', v_item.key);
        end if;
      when v_item.key in ('sessions', 'actors', 'subjects', 'agents', 'resource_types', 'resource_ids', 'event_types', 'tools', 'domains', 'scope') then
        if not unbroken.is_sorted_list(v_item.value) then
          return format('"%s" is a sorted list of 1 to 1000 different texts, each of 1 to 1024 printable bytes', v_item.key);
        end if;
      else
        return 'it has a key that is none';
    end case;
  end loop;
  if exists (select from unnest(unbroken.texts_in(p_scope -> 'scope')) as i (item) where i.item not like '%_=_%') then
    return '"scope" holds items such as account=17';
  end if;
  return case when p_scope ->> 'from' >= p_scope ->> 'to' collate "C" then '"from" comes before "to"' end;
end $$;

-- Whether it is a time as entries have it: one that there is, in 27 characters.
create or replace function unbroken.is_time_text(p_value jsonb) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_text constant text := p_value #>> '{}';
begin
  return jsonb_typeof(p_value) = 'string' and v_text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{6}Z$'
     and unbroken.time_text(v_text::timestamptz) = v_text;
exception when data_exception then
  return false;
end $$;

create or replace function unbroken.is_sorted_list(p_value jsonb) returns boolean
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  if jsonb_typeof(p_value) <> 'array' or jsonb_array_length(p_value) not between 1 and 1000 then
    return false;
  end if;
  return (select bool_and(jsonb_typeof(i.value) = 'string' and octet_length(i.value #>> '{}') between 1 and 1024
                          and i.value #>> '{}' !~ '[[:cntrl:]]' and (i.before is null or i.before < i.value #>> '{}' collate "C"))
            from (select e.value, lag(e.value #>> '{}') over (order by e.nth) as before
                    from jsonb_array_elements(p_value) with ordinality as e (value, nth)) as i);
end $$;

-- Whether all that the second scope covers the first one covers too, by their words alone: no key is given up, no list gets
-- longer, no window wider.
create or replace function unbroken.is_narrowing(p_old jsonb, p_new jsonb) returns boolean
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  return p_old <> p_new and not p_new ? 'everything' and (p_old ? 'everything' or (
    select bool_and(case o.key when 'from' then p_new ->> 'from' >= o.value #>> '{}' collate "C"
                               when 'to' then p_new ->> 'to' <= o.value #>> '{}' collate "C"
                               else o.value @> (p_new -> o.key) end is true)
      from jsonb_each(p_old) o));
end $$;

-- Refuses what can't be a scope, with the reason.
create or replace function unbroken.check_hold_scope(p_scope jsonb) returns void
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_fault constant text := unbroken.hold_scope_fault(p_scope);
begin
  if v_fault is not null then
    raise exception 'what a hold covers can not be this: %', v_fault using errcode = 'UB009';
  end if;
end $$;

create or replace function unbroken.sha256_of_scope(p_scope jsonb) returns text
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  return unbroken.sha256_of(unbroken.canonical(p_scope));
end $$;

-- The hold of this id, issued in whichever incarnation.
create or replace function unbroken.hold_of(p_log integer, p_hold uuid) returns unbroken.holds
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_hold unbroken.holds;
begin
  select h.* into v_hold from holds h where h.log = any (unbroken.incarnations_of(p_log)) and h.hold = p_hold;
  if not found then
    raise exception 'this log has no such hold' using errcode = 'UB009';
  end if;
  return v_hold;
end $$;

-- The scope of a hold that waits for no end: the newest, unless it is released.
create or replace function unbroken.open_scope_of(p_hold unbroken.holds) returns unbroken.hold_scopes
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_scope unbroken.hold_scopes;
begin
  select s.* into v_scope from hold_scopes s where s.log = p_hold.log and s.hold = p_hold.hold and s.ends_at is null;
  if not found then
    raise exception 'this hold was released' using errcode = 'UB009';
  end if;
  return v_scope;
end $$;

-- Issues a hold, which counts from its commit on: whatever destroys holds the same lock to its own commit.
create or replace function unbroken.issue_hold(
  p_log text, p_matter text, p_kind text, p_scope jsonb, p_reason text, p_grace_days integer, p_review_days integer
) returns table (hold uuid, seq bigint)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.newest_of(unbroken.log_for_reader(p_log));
  v_sha constant text := unbroken.sha256_of_scope(p_scope);
  v_now timestamptz;
begin
  if p_matter is null or p_matter !~ '[^[:space:]]' or octet_length(p_matter) > 200 or p_matter ~ '[[:cntrl:]]' then
    raise exception 'a hold belongs to a matter, named in 1 to 200 bytes' using errcode = 'UB009';
  end if;
  if p_kind is null or p_kind not in ('litigation', 'regulator', 'internal', 'dispute', 'incident', 'restriction') then
    raise exception 'a matter is litigation, regulator, internal, dispute, incident or restriction' using errcode = 'UB009';
  end if;
  if p_grace_days is null or p_grace_days not between 0 and 3650 or p_review_days is null or p_review_days not between 1 and 3650 then
    raise exception 'a grace period is 0 to 3650 days, and a hold is reviewed every 1 to 3650' using errcode = 'UB009';
  end if;
  perform unbroken.check_reason(p_reason);
  perform unbroken.check_hold_scope(p_scope);
  perform unbroken.lock_holds(v_log);
  hold := gen_random_uuid();
  seq := unbroken.append_own(v_log, 'log.hold_issued', jsonb_build_object(
    'hold', hold, 'matter', p_matter, 'kind', p_kind, 'scope', p_scope, 'sha256', v_sha, 'reason', p_reason,
    'grace_days', p_grace_days, 'review_days', p_review_days), hold);
  v_now := clock_timestamp();
  insert into holds (log, hold, matter, kind, reason, grace_days, review_days, issued_by, issued_at, issued_seq)
  values (v_log, hold, p_matter, p_kind, p_reason, p_grace_days, p_review_days, session_user, v_now, seq);
  insert into hold_scopes (log, hold, version, scope, sha256, since, seq) values (v_log, hold, 1, p_scope, v_sha, v_now, seq);
  return next;
end $$;

-- What held_among says of one entry, at a small part of the cost: the guards ask it of every row that goes. People are compared by
-- the ids of whoever the entry names, who are few, and not by those of whoever a hold names.
create or replace function unbroken.is_held(p_log integer, p_seq bigint) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_logs  int[];
  v_entry unbroken.entries;
  v_class unbroken.retention_classes;
  v_scope jsonb;
begin
  if not unbroken.any_hold(p_log) then
    return false;
  end if;
  select e.* into v_entry from entries e where e.log = p_log and e.seq = p_seq;
  if not found then
    return false;
  end if;
  v_logs := unbroken.incarnations_of(p_log);
  -- Put together anew, a scope is unpacked once and not for each look into it.
  for v_scope in select s.scope || '{}' from hold_scopes s where s.log = any (v_logs) and (s.ends_at is null or s.ends_at > clock_timestamp()) loop
    continue when v_scope ? 'sessions' and (v_scope -> 'sessions' ? v_entry.session_id) is not true
               or v_scope ? 'agents' and (v_scope -> 'agents' ? v_entry.agent_id) is not true
               or v_scope ? 'tools' and (v_scope -> 'tools' ? v_entry.tool) is not true
               or v_scope ? 'event_types' and not v_scope -> 'event_types' ? v_entry.event_type
               or v_scope ? 'resource_types' and (v_scope -> 'resource_types' ? v_entry.resource_type) is not true;
    continue when v_scope ? 'from' and v_entry.recorded_at < (v_scope ->> 'from')::timestamptz
               or v_scope ? 'to' and v_entry.recorded_at >= (v_scope ->> 'to')::timestamptz;
    if v_scope ?| array['domains', 'scope'] then
      if v_class.class is null and v_entry.class is not null then
        select c.* into v_class from retention_classes c where c.log = p_log and c.class = v_entry.class;
      end if;
      continue when v_scope ? 'domains' and not v_scope -> 'domains' ?| coalesce(v_class.domains, unbroken.listed_in(v_entry.event, 'domains'))
                 or v_scope ? 'scope' and not v_scope -> 'scope' ?| coalesce(v_class.scope, unbroken.listed_in(v_entry.event, 'scope'));
    end if;
    continue when v_scope ? 'subjects' and not v_scope -> 'subjects' ?| unbroken.people_among(v_logs, v_entry.subjects)
               or v_scope ? 'actors' and not v_scope -> 'actors' ?| unbroken.people_among(v_logs, array[v_entry.actor_id])
               or v_scope ? 'resource_ids' and not v_scope -> 'resource_ids' ?| unbroken.people_among(v_logs, array[v_entry.resource_id]);
    return true;
  end loop;
  return false;
end $$;

-- These ids, and the other pseudonyms of the same people in any of these logs.
create or replace function unbroken.people_among(p_logs integer[], p_ids text[]) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return array(select i.id collate "C" from unnest(p_ids) as i (id) where i.id is not null
               union
               select y.pseudonym
                 from unnest(p_logs) as o (log)
                 join identities x on x.log = o.log and x.pseudonym = any (p_ids)
                 join identities y on y.log = x.log and y.lookup = x.lookup);
end $$;

-- The first entries of one incarnation after a number among which all are that a hold covers there: out of an index, where each
-- scope names sessions or people.
create or replace function unbroken.next_near_hold(p_log integer, p_hold uuid, p_after bigint, p_limit integer) returns bigint[]
language plpgsql stable set search_path = unbroken, pg_temp set enable_seqscan = off set jit = off as $$
begin
  if exists (select from unbroken.scopes_in_force(p_log) s
              where s.hold = p_hold and num_nonnulls(s.sessions, s.subjects, s.actors, s.resource_ids) = 0) then
    return array(select e.seq from entries e where e.log = p_log and e.seq > p_after order by e.seq limit p_limit);
  end if;
  return array(
    select distinct c.seq
      from unbroken.scopes_in_force(p_log) s
     cross join lateral (
       select e.seq
         from unnest(s.sessions) as i (id)
        cross join lateral (select x.seq from entries x where x.log = p_log and x.session_id = i.id and x.seq > p_after order by x.seq limit p_limit) as e
       union all
       (select e.seq from entries e where s.sessions is null and e.log = p_log and e.subjects && s.subjects and e.seq > p_after order by e.seq limit p_limit)
       union all
       select e.seq
         from unnest(case when num_nonnulls(s.sessions, s.subjects) = 0 then s.actors end) as i (id)
        cross join lateral (select x.seq from entries x where x.log = p_log and x.actor_id = i.id and x.seq > p_after order by x.seq limit p_limit) as e
       union all
       select e.seq
         from unnest(case when num_nonnulls(s.sessions, s.subjects, s.actors) = 0 then s.resource_ids end) as i (id)
        cross join lateral (select x.seq from entries x where x.log = p_log and x.resource_id = i.id and x.seq > p_after order by x.seq limit p_limit) as e
     ) as c
     where s.hold = p_hold
     order by c.seq limit p_limit);
end $$;

-- How much a hold covers among the next entries of one incarnation, up to the number that comes back, which is null at the end:
-- payloads and originals that it keeps, and entries whose content was gone when it came.
create or replace function unbroken.hold_reach(p_log text, p_hold uuid, p_after bigint, p_limit integer)
returns table (upto bigint, preserved bigint, originals bigint, gone bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_hold constant unbroken.holds := unbroken.hold_of(v_log, p_hold);
  v_seqs constant bigint[] := unbroken.next_near_hold(v_log, p_hold, coalesce(p_after, 0), least(greatest(coalesce(p_limit, 1), 1), 10000));
begin
  upto := v_seqs[cardinality(v_seqs)];
  select count(p.seq), count(o.seq),
         count(*) filter (where p.seq is null and e.event ~ '"(details|inputs|outputs)":"' or o.seq is null and e.event like '%"original":"%')
    into preserved, originals, gone
    from unnest(unbroken.held_among(v_log, v_seqs, v_hold.hold)) as h (seq)
    join entries e on e.log = v_log and e.seq = h.seq and e.event like '%"recorder":"%'
    left join payloads p on p.log = v_log and p.seq = h.seq
    left join originals o on o.log = v_log and o.seq = h.seq;
  return next;
end $$;

-- Puts on record what was counted, up to an entry of one incarnation.
create or replace function unbroken.note_hold_reach(
  p_log text, p_hold uuid, p_upto bigint, p_preserved bigint, p_originals bigint, p_gone bigint
) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_hold constant unbroken.holds := unbroken.hold_of(v_log, p_hold);
begin
  if exists (select from unnest(array[p_upto, p_preserved, p_originals, p_gone]) as c (count) where c.count is null or not unbroken.is_count(c.count))
     or p_upto > unbroken.head_of(v_log) then
    raise exception 'what a hold covers is counted up to an entry, in four numbers' using errcode = 'UB009';
  end if;
  return unbroken.append_own(v_log, 'log.hold_counted', jsonb_build_object(
    'hold', v_hold.hold, 'version', (select max(s.version) from hold_scopes s where s.log = v_hold.log and s.hold = v_hold.hold),
    'upto', p_upto, 'preserved', p_preserved, 'originals', p_originals, 'gone', p_gone));
end $$;

-- Somebody has looked at it and says that it is still needed.
create or replace function unbroken.review_hold(p_log text, p_hold uuid, p_reason text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_hold unbroken.holds;
  v_seq  bigint;
begin
  perform unbroken.check_reason(p_reason);
  perform unbroken.lock_holds(v_log);
  v_hold := unbroken.hold_of(v_log, p_hold);
  perform unbroken.open_scope_of(v_hold);
  v_seq := unbroken.append_own(v_hold.log, 'log.hold_reviewed', jsonb_build_object('hold', p_hold, 'reason', p_reason));
  update holds set reviewed_by = session_user, reviewed_at = clock_timestamp(), reviewed_seq = v_seq where log = v_hold.log and holds.hold = p_hold;
  return v_seq;
end $$;

-- Asks for a hold to be narrowed or released. Bound to the scope in force: what somebody else changes meanwhile, it is not for.
create or replace function unbroken.ask_hold_change(p_log text, p_hold uuid, p_kind text, p_scope jsonb, p_reason text)
returns table (request uuid, seq bigint, expires_at timestamptz)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_hold  unbroken.holds;
  v_scope unbroken.hold_scopes;
begin
  if p_kind is null or p_kind not in ('narrow', 'release') or (p_kind = 'narrow') <> (p_scope is not null) then
    raise exception 'a hold is narrowed, to another scope, or released' using errcode = 'UB009';
  end if;
  perform unbroken.check_reason(p_reason);
  perform unbroken.lock_holds(v_log);
  v_hold := unbroken.hold_of(v_log, p_hold);
  v_scope := unbroken.open_scope_of(v_hold);
  if p_kind = 'narrow' then
    perform unbroken.check_hold_scope(p_scope);
    if not unbroken.is_narrowing(v_scope.scope, p_scope) then
      raise exception 'this is no narrower than what the hold covers: every key of it stays, and no list or window grows. What it does not cover takes a hold of its own'
        using errcode = 'UB009';
    end if;
  end if;
  request := gen_random_uuid();
  expires_at := clock_timestamp() + interval '168 hours';
  seq := unbroken.append_own(v_hold.log, 'log.hold_change_asked', jsonb_strip_nulls(jsonb_build_object(
    'request', request, 'hold', p_hold, 'kind', p_kind, 'version', v_scope.version, 'sha256', v_scope.sha256, 'scope', p_scope,
    'reason', p_reason, 'valid_until', unbroken.time_text(expires_at))), request);
  insert into hold_requests (log, request, hold, kind, version, sha256, scope, reason, asked_by, asked_at, asked_seq, expires_at)
  values (v_hold.log, request, p_hold, p_kind, v_scope.version, v_scope.sha256, p_scope, p_reason, session_user, clock_timestamp(), seq, expires_at);
  return next;
end $$;

-- The request of this id that nobody has decided on, locked.
create or replace function unbroken.waiting_hold_change(p_log integer, p_request uuid) returns unbroken.hold_requests
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_asked unbroken.hold_requests;
begin
  perform unbroken.lock_holds(p_log);
  select r.* into v_asked from hold_requests r
   where r.log = any (unbroken.incarnations_of(p_log)) and r.request = p_request and r.outcome is null for update;
  if not found then
    raise exception 'there is no such request that waits for a second person' using errcode = 'UB009';
  end if;
  return v_asked;
end $$;

-- The second person's word: what the hold covered it covers until its grace period is over, and then no more than the narrower
-- scope, or nothing.
create or replace function unbroken.confirm_hold_change(p_log text, p_request uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked constant unbroken.hold_requests := unbroken.waiting_hold_change(v_log, p_request);
  v_hold  constant unbroken.holds := unbroken.hold_of(v_log, v_asked.hold);
  v_scope unbroken.hold_scopes;
  v_now   timestamptz;
  v_ends  timestamptz;
  v_sha   constant text := case v_asked.kind when 'narrow' then unbroken.sha256_of_scope(v_asked.scope) end;
  v_seq   bigint;
begin
  perform unbroken.require_recovered(v_log);
  if session_user = v_asked.asked_by then
    raise exception 'a second person confirms, with a login of their own' using errcode = 'UB008';
  end if;
  v_scope := unbroken.open_scope_of(v_hold);
  if v_asked.expires_at < clock_timestamp() or (v_scope.version, v_scope.sha256) is distinct from (v_asked.version, v_asked.sha256) then
    raise exception 'this request has expired, or was asked for when the hold covered something else: ask anew' using errcode = 'UB009';
  end if;
  -- So that the period is counted from the moment that its entry states.
  perform unbroken.lock_log(unbroken.newest_of(v_log));
  v_now := clock_timestamp();
  v_ends := v_now + make_interval(hours => 24 * v_hold.grace_days);
  v_seq := unbroken.append_own(v_hold.log, 'log.hold_changed', jsonb_strip_nulls(jsonb_build_object(
    'request', p_request, 'hold', v_hold.hold, 'kind', v_asked.kind, 'version', v_scope.version + case v_asked.kind when 'narrow' then 1 else 0 end,
    'sha256', v_sha, 'ends_at', unbroken.time_text(v_ends))));
  update hold_requests set outcome = 'confirmed', decided_by = session_user, decided_at = v_now, decided_seq = v_seq
   where log = v_asked.log and request = p_request;
  update hold_scopes set ends_at = v_ends, ended_seq = v_seq where log = v_scope.log and hold = v_scope.hold and version = v_scope.version;
  if v_asked.kind = 'narrow' then
    insert into hold_scopes (log, hold, version, scope, sha256, since, seq)
    values (v_scope.log, v_scope.hold, v_scope.version + 1, v_asked.scope, v_sha, v_now, v_seq);
  else
    update holds set released_at = v_now, released_seq = v_seq where log = v_hold.log and hold = v_hold.hold;
  end if;
  return v_seq;
end $$;

create or replace function unbroken.withdraw_hold_change(p_log text, p_request uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked constant unbroken.hold_requests := unbroken.waiting_hold_change(v_log, p_request);
  v_seq   bigint;
begin
  v_seq := unbroken.append_own(v_asked.log, 'log.hold_change_withdrawn', jsonb_build_object('request', p_request));
  update hold_requests set outcome = 'withdrawn', decided_by = session_user, decided_at = clock_timestamp(), decided_seq = v_seq
   where log = v_asked.log and request = p_request;
  return v_seq;
end $$;

-- All holds of a log and its other incarnations, newest first, each with the scope it was last given: in force, in its grace
-- period after the release, or over. One in force is due for a review so many days after the last.
create or replace function unbroken.holds(p_log text) returns table (
  log text, hold uuid, state text, matter text, kind text, reason text, version integer, scope jsonb, sha256 text,
  grace_days integer, review_days integer, issued_by text, issued_at timestamptz, issued_seq bigint,
  reviewed_by text, reviewed_at timestamptz, reviewed_seq bigint, review_due_at timestamptz, is_overdue boolean,
  released_at timestamptz, released_seq bigint, ends_at timestamptz)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select unbroken.full_name(h.log), h.hold,
         case when h.released_seq is null then 'in force' when s.ends_at > clock_timestamp() then 'in grace' else 'over' end,
         h.matter, h.kind, h.reason, s.version, s.scope, s.sha256, h.grace_days, h.review_days, h.issued_by, h.issued_at, h.issued_seq,
         h.reviewed_by, h.reviewed_at, h.reviewed_seq, d.due_at, coalesce(d.due_at < clock_timestamp(), false),
         h.released_at, h.released_seq, s.ends_at
    from holds h
   cross join lateral (select x.* from hold_scopes x where x.log = h.log and x.hold = h.hold order by x.version desc limit 1) as s
   cross join lateral (select case when h.released_seq is null then
                                coalesce(h.reviewed_at, h.issued_at) + make_interval(hours => 24 * h.review_days) end as due_at) as d
   where h.log = any (unbroken.incarnations_of(v_log))
   order by h.issued_at desc, h.hold;
end $$;

-- What a hold has covered, version by version, and until when each covers on.
create or replace function unbroken.hold_scopes(p_log text, p_hold uuid) returns table (
  version integer, scope jsonb, sha256 text, since timestamptz, seq bigint, ends_at timestamptz, ended_seq bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_hold constant unbroken.holds := unbroken.hold_of(unbroken.log_for_reader(p_log), p_hold);
begin
  return query
  select s.version, s.scope, s.sha256, s.since, s.seq, s.ends_at, s.ended_seq
    from hold_scopes s where s.log = v_hold.log and s.hold = v_hold.hold order by s.version;
end $$;

-- All requests to narrow or release a hold, newest first. One is overtaken where the hold was changed after it was asked for.
create or replace function unbroken.hold_requests(p_log text) returns table (
  request uuid, hold uuid, state text, kind text, version integer, sha256 text, scope jsonb, reason text,
  asked_by text, asked_at timestamptz, asked_seq bigint, expires_at timestamptz,
  decided_by text, decided_at timestamptz, decided_seq bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select r.request, r.hold,
         case when r.outcome is not null then r.outcome when s.ended_seq is not null then 'overtaken'
              when r.expires_at < clock_timestamp() then 'expired' else 'asked' end,
         r.kind, r.version, r.sha256, r.scope, r.reason, r.asked_by, r.asked_at, r.asked_seq, r.expires_at,
         r.decided_by, r.decided_at, r.decided_seq
    from hold_requests r join hold_scopes s on s.log = r.log and s.hold = r.hold and s.version = r.version
   where r.log = any (unbroken.incarnations_of(v_log))
   order by r.asked_at desc, r.request;
end $$;
