-- Erasing a person: found by the ids that entries have for them, asked for by one login, confirmed by another, then destroyed
-- in pieces that each tell of themselves. Lines stay as they are.
--
-- What looks for a person is planned to go from index to index: how much there is of them is not known beforehand, and reading a
-- whole log for the few entries of one takes hours where the other way round it is seconds.

-- '3-7,9' for 3,4,5,6,7,9: numbers in order, each once.
create or replace function unbroken.ranges_of(p_seqs bigint[]) returns text
language sql immutable set search_path = unbroken, pg_temp as $$
  select string_agg(case when r.first = r.last then r.first::text else r.first || '-' || r.last end, ',' order by r.first)
    from (select min(u.seq) as first, max(u.seq) as last
            from (select s.seq, s.seq - row_number() over (order by s.seq) as island from unnest(p_seqs) as s (seq)) as u
           group by u.island) as r
$$;

-- All ids that entries may have for a person: what was given, and the other pseudonyms of the same name.
create or replace function unbroken.ids_of_person(p_log integer, p_ids text[]) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return array(select distinct i.id collate "C" from unnest(p_ids) as g (id), unnest(unbroken.namesakes(p_log, g.id)) as i (id) order by 1);
end $$;

-- Whether what an entry holds is about a person: it names them as a subject or as the resource; or it names nobody, and they act,
-- or it is no person's, in a session of theirs. With p_with_acted also what they did to others. Inlined where it is asked.
create or replace function unbroken.is_about(
  p_event text, p_actor text, p_subjects text[], p_resource text, p_in_session boolean, p_ids text[], p_with_acted boolean
) returns boolean
language sql immutable as $$
  select coalesce(p_subjects && p_ids, false) or coalesce(p_resource = any (p_ids), false)
      or p_actor = any (p_ids) and (p_subjects is null or p_with_acted)
      or p_subjects is null and p_in_session and p_event !~ '"actor_type":"(user|admin)"'
$$;

-- Whether a person acts or is named in a session. Its beginning tells mostly; else looking through what is the person's
-- is shorter than through the rest of a session that never ends.
create or replace function unbroken.is_session_of(p_log integer, p_session text, p_ids text[]) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return exists (select from (select e.actor_id, e.subjects from entries e where e.log = p_log and e.session_id = p_session order by e.seq limit 1000) as b
                  where b.actor_id = any (p_ids) or b.subjects && p_ids)
      or exists (select from (select e.session_id from entries e where e.log = p_log and e.subjects && p_ids
                              union
                              select e.session_id from entries e where e.log = p_log and e.actor_id = any (p_ids)) as s
                  where s.session_id = p_session);
end $$;

-- The numbers, after one, of the entries that name a person until a time, or that name nobody and stand in a session which does.
-- The time is nothing to look for by itself: nearly all there is lies before it.
create or replace function unbroken.places_of_person(p_log integer, p_ids text[], p_upto timestamptz, p_after bigint)
returns table (seq bigint, in_session boolean)
language sql stable set search_path = unbroken, pg_temp as $$
  with named as materialized (
    select e.seq, e.session_id from entries e where e.log = p_log and e.subjects && p_ids and e.recorded_at - interval '0' <= p_upto
    union
    select e.seq, e.session_id from entries e where e.log = p_log and e.actor_id = any (p_ids) and e.recorded_at - interval '0' <= p_upto
  ), places as (
    select n.seq, false as in_session from named n where n.seq > p_after
    union all
    select e.seq, false from entries e where e.log = p_log and e.resource_id = any (p_ids) and e.seq > p_after
    union all
    select e.seq, true from (select distinct n.session_id from named n where n.session_id is not null) s
      join entries e on e.log = p_log and e.session_id = s.session_id
     where e.subjects is null and e.seq > p_after
  )
  select p.seq, bool_or(p.in_session) from places p group by p.seq
$$;

-- These entries, in order. The log's own are never among them.
create or replace function unbroken.entries_of_person(p_log integer, p_ids text[], p_with_acted boolean, p_upto timestamptz)
returns table (seq bigint, session_id text, recorded_at timestamptz, as_subject boolean, as_actor boolean, is_about boolean, others text[])
language sql stable set search_path = unbroken, pg_temp as $$
  select e.seq, e.session_id, e.recorded_at, coalesce(e.subjects && p_ids, false), e.actor_id = any (p_ids),
         unbroken.is_about(e.event, e.actor_id, e.subjects, e.resource_id, c.in_session, p_ids, p_with_acted),
         array(select s.id from unnest(e.subjects) as s (id) where s.id <> all (p_ids))
    from unbroken.places_of_person(p_log, p_ids, p_upto, 0) c
   cross join lateral (select e.* from entries e where e.log = p_log and e.seq = c.seq offset 0) e
   where e.recorded_at - interval '0' <= p_upto and e.event like '%"recorder":"%'
   order by c.seq
$$;

-- The first of them after a number that hold something about the person.
create or replace function unbroken.next_of_person(
  p_log integer, p_ids text[], p_with_acted boolean, p_upto timestamptz, p_after bigint, p_limit integer
) returns bigint[]
language sql stable set search_path = unbroken, pg_temp as $$
  select array(
    select c.seq
      from (select * from unbroken.places_of_person(p_log, p_ids, p_upto, p_after) order by seq offset 0) c
     cross join lateral (select e.* from entries e where e.log = p_log and e.seq = c.seq offset 0) e
     where e.recorded_at - interval '0' <= p_upto and e.event like '%"recorder":"%'
       and unbroken.is_about(e.event, e.actor_id, e.subjects, e.resource_id, c.in_session, p_ids, p_with_acted)
       and coalesce((select p.seq from payloads p where p.log = p_log and p.seq = c.seq),
                    (select o.seq from originals o where o.log = p_log and o.seq = c.seq)) is not null
     order by c.seq limit p_limit)
$$;

-- The sessions in which a person acts or is named until a time.
create or replace function unbroken.sessions_of_person(p_log integer, p_ids text[], p_upto timestamptz) returns setof text
language sql stable set search_path = unbroken, pg_temp as $$
  select e.session_id from entries e
   where e.log = p_log and e.subjects && p_ids and e.session_id is not null and e.recorded_at - interval '0' <= p_upto
  union
  select e.session_id from entries e
   where e.log = p_log and e.actor_id = any (p_ids) and e.session_id is not null and e.recorded_at - interval '0' <= p_upto
$$;

-- The keys of a person, and of the sessions they act in or are named in until a time, that are not destroyed.
create or replace function unbroken.keys_of_person(p_log integer, p_ids text[], p_upto timestamptz) returns text[]
language sql stable set search_path = unbroken, pg_temp as $$
  select array(
    select k.key_id from subject_keys k
     where k.log = p_log and k.destroyed_seq is null and k.holder is not null and k.holder_kind = 'subject' and k.holder = any (p_ids)
    union
    select k.key_id
      from unbroken.sessions_of_person(p_log, p_ids, p_upto) s (session_id)
      join subject_keys k on k.log = p_log and k.holder_kind = 'session' and k.holder = s.session_id and k.holder is not null and k.destroyed_seq is null
     order by 1)
$$;

-- What there is of a person and would go. 'ids' are those that stand somewhere, 'shared' the entries about them that name
-- others too, who are 'others' people; 'kept' the payloads of what they did to others; 'held' and 'floored' how much of what would
-- go a legal hold keeps, and a law asks to keep.
create or replace function unbroken.plan_of_person(
  p_log integer, p_ids text[], p_with_acted boolean, p_upto timestamptz,
  out ids text[], out as_subject bigint, out as_actor bigint, out payloads bigint, out originals bigint, out keys text[],
  out pseudonyms text[], out sessions bigint, out shared bigint, out others bigint, out kept bigint,
  out first_at timestamptz, out last_at timestamptz, out upto_at timestamptz, out held bigint, out floored bigint
)
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  keys := unbroken.keys_of_person(p_log, p_ids, p_upto);
  pseudonyms := array(select i.pseudonym from identities i where i.log = p_log and i.pseudonym = any (p_ids) order by 1);
  upto_at := p_upto;
  held := unbroken.held_of_person(p_log, p_ids, p_with_acted, p_upto, keys);
  floored := unbroken.floored_of_person(p_log, p_ids, p_with_acted, p_upto);
  with t as materialized (
    select * from unbroken.entries_of_person(p_log, p_ids, p_with_acted, p_upto)
  )
  select count(*) filter (where t.as_subject), count(*) filter (where t.as_actor), count(p.seq) filter (where t.is_about),
         count(o.seq) filter (where t.is_about), count(distinct t.session_id), count(*) filter (where t.is_about and t.others <> '{}'),
         count(p.seq) filter (where not t.is_about and t.as_actor), min(t.recorded_at), max(t.recorded_at),
         (select count(distinct x.id) from t, unnest(t.others) as x (id) where t.is_about)
    into as_subject, as_actor, payloads, originals, sessions, shared, kept, first_at, last_at, others
    from t
    left join payloads p on p.log = p_log and p.seq = t.seq
    left join originals o on o.log = p_log and o.seq = t.seq;
  ids := array(
    select g.id collate "C" from unnest(p_ids) as g (id)
     where exists (select from entries e where e.log = p_log and e.actor_id = g.id)
        or exists (select from entries e where e.log = p_log and e.subjects && array[g.id])
        or exists (select from entries e where e.log = p_log and e.resource_id = g.id)
        or exists (select from identities i where i.log = p_log and i.pseudonym = g.id)
        or exists (select from subject_keys k where k.log = p_log and k.holder_kind = 'subject' and k.holder = g.id)
     order by 1);
end $$;

-- The ids of a person, after a look at whether they are some; under an open ticket for the whole log.
create or replace function unbroken.ids_under_ticket(p_log integer, p_ticket uuid, p_subjects text[]) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  if cardinality(p_subjects) is null or cardinality(p_subjects) not between 1 and 1000 or array_ndims(p_subjects) <> 1
     or exists (select from unnest(p_subjects) as u (id) where (octet_length(u.id) between 1 and 1024) is not true) then
    raise exception 'a person goes by 1 to 1000 ids of 1 to 1024 bytes' using errcode = 'UB009';
  end if;
  if not exists (select from unbroken.open_tickets() t where t.log = p_log and t.ticket = p_ticket and t.session_id is null) then
    raise exception 'this needs an open ticket of this login for the whole log: unbroken.open_ticket, committed before' using errcode = 'UB007';
  end if;
  return unbroken.ids_of_person(p_log, p_subjects);
end $$;

-- A dry run: what there is, and nothing done.
create or replace function unbroken.find_person(p_log text, p_ticket uuid, p_subjects text[], p_with_acted boolean)
returns table (ids text[], as_subject bigint, as_actor bigint, payloads bigint, originals bigint, keys text[], pseudonyms text[],
               sessions bigint, shared bigint, others bigint, kept bigint, first_at timestamptz, last_at timestamptz, upto_at timestamptz,
               held bigint, floored bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select * from unbroken.plan_of_person(v_log, unbroken.ids_under_ticket(v_log, p_ticket, p_subjects), coalesce(p_with_acted, false), clock_timestamp());
end $$;

-- Asks for an erasure. Ids that stand nowhere in the log are left out, as they would stand in the record of the request alone.
-- p_despite_floors: also of what a law in force asks to keep, which both people then have seen.
create or replace function unbroken.ask_erasure(
  p_log text, p_ticket uuid, p_subjects text[], p_with_acted boolean, p_case text, p_reason text, p_despite_floors boolean default false
) returns table (erasure uuid, seq bigint, expires_at timestamptz)
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_log     constant int := unbroken.log_for_reader(p_log);
  v_plan    record;
  v_planned jsonb;
begin
  if p_case is null or p_case !~ '[^[:space:]]' or octet_length(p_case) > 200 or p_case ~ '[[:cntrl:]]' then
    raise exception 'an erasure belongs to a case, named in 1 to 200 bytes' using errcode = 'UB009';
  end if;
  perform unbroken.check_reason(p_reason);
  select p.* into v_plan
    from unbroken.plan_of_person(v_log, unbroken.ids_under_ticket(v_log, p_ticket, p_subjects), coalesce(p_with_acted, false), clock_timestamp()) p;
  if v_plan.ids = '{}' then
    raise exception 'this log has nothing of this person' using errcode = 'UB009';
  end if;
  erasure := gen_random_uuid();
  expires_at := clock_timestamp() + interval '7 days';
  -- What whoever confirms can judge by, without a look at the person.
  v_planned := jsonb_build_object(
    'payloads', v_plan.payloads, 'originals', v_plan.originals, 'keys', cardinality(v_plan.keys), 'names', cardinality(v_plan.pseudonyms),
    'sessions', v_plan.sessions, 'shared', v_plan.shared, 'others', v_plan.others, 'kept', v_plan.kept,
    'held', v_plan.held, 'floored', v_plan.floored);
  seq := unbroken.append_own(v_log, 'log.erasure_requested', jsonb_build_object(
    'erasure', erasure, 'ticket', p_ticket, 'subjects', v_plan.ids, 'with_acted', coalesce(p_with_acted, false),
    'despite_floors', coalesce(p_despite_floors, false), 'planned', v_planned,
    'case', p_case, 'reason', p_reason,
    'valid_until', unbroken.time_text(expires_at)), erasure);
  insert into erasures (log, erasure, basis, subjects, with_acted, despite_floors, planned, case_name, reason, requested_by, requested_at,
                        requested_seq, expires_at)
  values (v_log, erasure, 'two people', v_plan.ids, coalesce(p_with_acted, false), coalesce(p_despite_floors, false), v_planned, p_case, p_reason,
          session_user, clock_timestamp(), seq, expires_at);
  return next;
end $$;

-- An erasure that waits for something, locked: for its confirmation, or confirmed and for being begun.
create or replace function unbroken.waiting_erasure(p_log integer, p_erasure uuid, p_confirmed boolean) returns unbroken.erasures
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_asked unbroken.erasures;
begin
  select e.* into v_asked from erasures e where e.log = p_log and e.erasure = p_erasure for update;
  if not found or v_asked.withdrawn_seq is not null or v_asked.begun_seq is not null or v_asked.expires_at < clock_timestamp()
     or (v_asked.confirmed_seq is not null) <> p_confirmed then
    raise exception 'there is no such erasure that waits for this: it may be withdrawn, expired, not confirmed yet, or past it' using errcode = 'UB009';
  end if;
  return v_asked;
end $$;

-- The second person's word.
create or replace function unbroken.confirm_erasure(p_log text, p_erasure uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked constant unbroken.erasures := unbroken.waiting_erasure(v_log, p_erasure, false);
  v_seq   bigint;
begin
  if session_user = v_asked.requested_by then
    raise exception 'a second person confirms, with a login of their own' using errcode = 'UB008';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.erasure_confirmed', jsonb_build_object('erasure', p_erasure));
  update erasures set confirmed_by = session_user, confirmed_at = clock_timestamp(), confirmed_seq = v_seq where log = v_log and erasure = p_erasure;
  return v_seq;
end $$;

create or replace function unbroken.withdraw_erasure(p_log text, p_erasure uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
  v_seq bigint;
begin
  -- What waits here may have begun, and have its certificate, since the backup was made.
  if not unbroken.is_recovered(v_log) then
    raise exception 'this server was restored, or took over from another: `unbroken recover` tells what has begun' using errcode = 'UB009';
  end if;
  perform from erasures e
    where e.log = v_log and e.erasure = p_erasure and e.withdrawn_seq is null and e.begun_seq is null for update;
  if not found then
    raise exception 'there is no such erasure that could be withdrawn: what has begun can not' using errcode = 'UB009';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.erasure_withdrawn', jsonb_build_object('erasure', p_erasure));
  update erasures set withdrawn_by = session_user, withdrawn_seq = v_seq where log = v_log and erasure = p_erasure;
  return v_seq;
end $$;

-- What is going to be destroyed, as it is written down outside before. Sets, once, until when entries are concerned, and who
-- the person is by now. A pseudonym without a key gets one, which is destroyed with the others: what still comes under it is
-- sealed to a key that nothing opens.
create or replace function unbroken.prepare_erasure(p_log text, p_erasure uuid)
returns table (ids text[], as_subject bigint, as_actor bigint, payloads bigint, originals bigint, keys text[], pseudonyms text[],
               sessions bigint, shared bigint, others bigint, kept bigint, first_at timestamptz, last_at timestamptz, upto_at timestamptz,
               held bigint, floored bigint)
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked unbroken.erasures := unbroken.waiting_erasure(v_log, p_erasure, true);
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'prepare_erasure runs in READ COMMITTED' using errcode = 'UB004';
  end if;
  update erasures e
     set upto_at = coalesce(e.upto_at, clock_timestamp()), subjects = unbroken.ids_of_person(v_log, e.subjects)
   where e.log = v_log and e.erasure = p_erasure
  returning e.* into v_asked;
  perform unbroken.assign_key(v_log, 'subject', s.id) from unnest(v_asked.subjects) as s (id)
    where s.id ~ '^p-[0-9a-f]{32}$' and not unbroken.has_key(v_log, s.id);
  return query
  select v_asked.subjects, p.as_subject, p.as_actor, p.payloads, p.originals, p.keys, p.pseudonyms, p.sessions, p.shared, p.others, p.kept,
         p.first_at, p.last_at, p.upto_at, p.held, p.floored
    from unbroken.plan_of_person(v_log, v_asked.subjects, v_asked.with_acted, v_asked.upto_at) p;
end $$;

-- Whether this very id was given a key, and be it one that is destroyed.
create or replace function unbroken.has_key(p_log integer, p_subject text) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return exists (select from subject_keys k where k.log = p_log and k.holder_kind = 'subject' and k.holder = p_subject and k.holder is not null
                    and k.destroyed_seq is null)
      or exists (select from subject_keys k where k.log = p_log and k.holder_kind = 'subject' and k.holder = p_subject and k.destroyed_seq is not null);
end $$;

-- Destroys these keys and the person's mapping, with the entries that say so, in one transaction: the moment from which an
-- erasure can't be taken back. The keys are told of 200 at a time, as each is held against the entry that names it.
create or replace function unbroken.destroy_keys(p_log integer, p_erasure uuid, p_order text, p_keys text[]) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  c_lot constant int := 200;
  v_asked      unbroken.erasures;
  v_keys       text[];
  v_pseudonyms text[];
  v_told       jsonb[];
  v_event      unbroken.event;
  v_seq        bigint;
begin
  select e.* into strict v_asked from erasures e where e.log = p_log and e.erasure = p_erasure;
  v_keys := array(
    select k.key_id from subject_keys k
     where k.log = p_log and k.destroyed_seq is null and k.key_id = any (p_keys) order by k.key_id for update);
  v_pseudonyms := array(
    select s.id from unnest(v_asked.subjects) as s (id)
     where s.id ~ '^p-[0-9a-f]{32}$' and not exists (select from forgotten f where f.log = p_log and f.pseudonym = s.id) order by 1);
  -- What is recorded at this moment is not among them, and is found by a longer way.
  insert into erasure_sessions
  select p_log, p_erasure, s.id from unbroken.sessions_of_person(p_log, v_asked.subjects, v_asked.upto_at) as s (id) on conflict do nothing;
  v_told[1] := jsonb_build_object('erasure', p_erasure, 'order', p_order, 'keys', v_keys[1:c_lot], 'pseudonyms', v_pseudonyms);
  for i in 2..(cardinality(v_keys) + c_lot - 1) / c_lot loop
    v_told[i] := jsonb_build_object('erasure', p_erasure, 'keys', v_keys[(i - 1) * c_lot + 1:i * c_lot]);
  end loop;
  v_event.event_type := 'log.erased';
  v_seq := unbroken.append_told(p_log, array_fill(v_event, array[cardinality(v_told)]), v_told);
  update erasures
     set order_sha256 = p_order, begun_by = session_user, begun_at = clock_timestamp(), begun_seq = v_seq, keys = cardinality(v_keys)
   where log = p_log and erasure = p_erasure;
  update subject_keys k set destroyed_seq = v_seq + (u.nth - 1) / c_lot
    from unnest(v_keys) with ordinality as u (key_id, nth) where k.log = p_log and k.key_id = u.key_id;
  delete from wrapped_keys where log = p_log and key_id = any (v_keys);
  perform unbroken.forget(p_log, v_pseudonyms, v_seq);
  return v_seq;
end $$;

-- Destroys the mapping of pseudonyms that the entry p_seq names.
create or replace function unbroken.forget(p_log integer, p_pseudonyms text[], p_seq bigint) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  insert into forgotten (log, pseudonym, seq) select p_log, u.id, p_seq from unnest(p_pseudonyms) as u (id) on conflict do nothing;
  delete from identities where log = p_log and pseudonym = any (p_pseudonyms);
end $$;

create or replace function unbroken.begin_erasure(p_log text, p_erasure uuid, p_keys text[], p_order text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked unbroken.erasures;
  v_keys  text[];
  v_kept  bigint;
begin
  perform unbroken.lock_holds(v_log);
  select e.* into v_asked from erasures e where e.log = v_log and e.erasure = p_erasure for update;
  if v_asked.begun_seq is not null then
    return v_asked.begun_seq;
  end if;
  v_asked := unbroken.waiting_erasure(v_log, p_erasure, true);
  if p_order is null or p_order !~ '^[0-9a-f]{64}$' then
    raise exception 'an erasure begins with the SHA-256, in hex, of the order that stands outside' using errcode = 'UB009';
  end if;
  perform unbroken.lock_people(v_log, true);
  v_keys := unbroken.keys_of_person(v_log, v_asked.subjects, v_asked.upto_at);
  if v_asked.upto_at is null or v_asked.subjects <> unbroken.ids_of_person(v_log, v_asked.subjects)
     or v_keys is distinct from array(select u.id collate "C" from unnest(p_keys) as u (id) order by 1) then
    raise exception 'by now the person goes by other ids or keys: prepare the erasure anew' using errcode = 'UB009';
  end if;
  v_kept := unbroken.held_of_person(v_log, v_asked.subjects, v_asked.with_acted, v_asked.upto_at, v_keys);
  if v_kept > 0 then
    raise exception 'a legal hold keeps % of the entries that this erasure is about: nothing was destroyed', v_kept using errcode = 'UB014';
  end if;
  v_kept := case when not v_asked.despite_floors then
                 unbroken.floored_of_person(v_log, v_asked.subjects, v_asked.with_acted, v_asked.upto_at) end;
  if v_kept > 0 then
    raise exception 'a law asks to keep what % of the entries hold that this erasure is about, and it was not asked for despite that: nothing was destroyed',
      v_kept using errcode = 'UB009';
  end if;
  return unbroken.destroy_keys(v_log, p_erasure, p_order, v_keys);
end $$;

-- All pseudonyms of those whom these entries name and who have no payload any more; without names that a hold keeps.
create or replace function unbroken.without_payload(p_log integer, p_seqs bigint[]) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_ids  text[];
  v_none text[] := '{}';
begin
  for v_ids in
    select distinct array(select y.pseudonym from identities y where y.log = p_log and y.lookup = i.lookup order by 1)
      from (select unnest(e.subjects) as id from entries e where e.log = p_log and e.seq = any (p_seqs)
            union
            select e.actor_id from entries e where e.log = p_log and e.seq = any (p_seqs)) as n
      join identities i on i.log = p_log and i.pseudonym = n.id
  loop
    -- One after the other, up to the first that there is.
    perform from entries e where e.log = p_log and e.subjects && v_ids
        and (select p.seq from payloads p where p.log = p_log and p.seq = e.seq) is not null limit 1;
    if not found then
      perform from entries e where e.log = p_log and e.actor_id = any (v_ids)
          and (select p.seq from payloads p where p.log = p_log and p.seq = e.seq) is not null limit 1;
    end if;
    if not found and not unbroken.is_name_held(p_log, v_ids) then
      v_none := v_none || v_ids;
    end if;
  end loop;
  return array(select n.id from unnest(v_none) as n (id) order by 1);
end $$;

-- Those of these entries that no hold covers, in order.
create or replace function unbroken.not_held(p_log integer, p_seqs bigint[]) returns bigint[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_held constant bigint[] := unbroken.held_among(p_log, p_seqs);
begin
  return case when v_held = '{}' then p_seqs else array(select unnest(p_seqs) except select unnest(v_held) order by 1) end;
end $$;

-- Destroys what the next entries about the person hold, with the entry that says so, but for what a hold keeps. Where no number comes
-- back there is nothing left, or nothing but so many entries that are held. The log's lock is held for its entry alone. Also for
-- the owner, after a restore.
create or replace function unbroken.erase_batch(p_log text, p_erasure uuid, p_limit integer)
returns table (seq bigint, payloads bigint, originals bigint, held bigint)
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
declare
  c_limit     constant int := least(greatest(p_limit, 1), 5000);
  v_log       constant int := case when unbroken.is_installing() then unbroken.log_named(p_log) else unbroken.log_for_reader(p_log) end;
  v_asked     unbroken.erasures;
  v_reached   bigint;
  v_window    int     := c_limit;
  v_again     boolean := false;
  v_held      bigint  := 0;
  v_seqs      bigint[];
  v_free      bigint[];
  v_payloads  bigint[];
  v_originals bigint[];
  v_forgotten text[];
begin
  perform unbroken.lock_holds(v_log);
  select e.* into v_asked from erasures e
   where e.log = v_log and e.erasure = p_erasure and e.begun_seq is not null and e.done_seq is null for update;
  if not found then
    raise exception 'there is no such erasure under way' using errcode = 'UB009';
  end if;
  v_reached := v_asked.reached;
  loop
    v_seqs := unbroken.next_of_person(v_log, v_asked.subjects, v_asked.with_acted, v_asked.upto_at, v_reached, v_window);
    if v_seqs = '{}' and (v_again or v_asked.reached = 0) then
      payloads := 0;
      originals := 0;
      held := v_held;
      return next;
      return;
    end if;
    if v_seqs = '{}' then
      -- At the end once more from the beginning: what a hold kept then may be free by now.
      v_again := true;
      v_reached := 0;
      v_window := c_limit;
      v_held := 0;
      continue;
    end if;
    v_free := unbroken.not_held(v_log, v_seqs);
    v_held := v_held + cardinality(v_seqs) - cardinality(v_free);
    v_reached := case when cardinality(v_free) > c_limit then v_free[c_limit] else v_seqs[cardinality(v_seqs)] end;
    v_seqs := v_free[1:c_limit];
    -- Where a hold keeps them all, ever more at a time: each look is one through all that there is of the person.
    v_window := least(v_window, 100000) * 10;
    with gone as (delete from payloads p where p.log = v_log and p.seq = any (v_seqs) returning p.seq)
    select coalesce(array_agg(g.seq order by g.seq), '{}') into v_payloads from gone g;
    with gone as (delete from originals o where o.log = v_log and o.seq = any (v_seqs) returning o.seq)
    select coalesce(array_agg(g.seq order by g.seq), '{}') into v_originals from gone g;
    -- Else a hold keeps them all, or another person's erasure, for which this one waited, took them.
    exit when v_payloads <> '{}' or v_originals <> '{}';
  end loop;
  v_forgotten := unbroken.without_payload(v_log, v_seqs);
  if v_forgotten <> '{}' then
    perform unbroken.lock_people(v_log, true);
  end if;
  seq := unbroken.append_own(v_log, 'log.erased', jsonb_strip_nulls(jsonb_build_object(
    'erasure', p_erasure, 'payloads', unbroken.ranges_of(v_payloads), 'originals', unbroken.ranges_of(v_originals),
    'pseudonyms', case when v_forgotten <> '{}' then to_jsonb(v_forgotten) end)));
  perform unbroken.forget(v_log, v_forgotten, seq);
  payloads := cardinality(v_payloads);
  originals := cardinality(v_originals);
  held := 0;
  update erasures e
     set reached = greatest(e.reached, v_reached), payloads = e.payloads + erase_batch.payloads, originals = e.originals + erase_batch.originals
   where e.log = v_log and e.erasure = p_erasure;
  return next;
end $$;

-- Ends an erasure, when nothing of the person is left here, with the certificate's hash.
create or replace function unbroken.finish_erasure(p_log text, p_erasure uuid, p_certificate text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  v_log   constant int := case when unbroken.is_installing() then unbroken.log_named(p_log) else unbroken.log_for_reader(p_log) end;
  v_asked unbroken.erasures;
  v_left  record;
  v_seq   bigint;
begin
  select e.* into v_asked from erasures e where e.log = v_log and e.erasure = p_erasure and e.begun_seq is not null for update;
  if not found or p_certificate is null or p_certificate !~ '^[0-9a-f]{64}$' then
    raise exception 'an erasure that has begun ends with the SHA-256, in hex, of its certificate' using errcode = 'UB009';
  end if;
  if v_asked.done_seq is not null then
    return v_asked.done_seq;
  end if;
  select * into v_left from unbroken.plan_of_person(v_log, v_asked.subjects, v_asked.with_acted, v_asked.upto_at);
  if v_left.payloads + v_left.originals > 0 and v_left.held > 0 then
    raise exception 'this erasure is not through: a legal hold keeps what % of the entries hold', v_left.held using errcode = 'UB014';
  end if;
  if v_left.payloads + v_left.originals > 0 or v_left.pseudonyms <> '{}' then
    raise exception 'this erasure is not through: % payloads, % originals and % names are left', v_left.payloads, v_left.originals,
      cardinality(v_left.pseudonyms) using errcode = 'UB009';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.erased', jsonb_build_object(
    'erasure', p_erasure, 'complete', true, 'certificate', p_certificate, 'payloads', v_asked.payloads, 'originals', v_asked.originals,
    'keys', v_asked.keys));
  update erasures set certificate_sha256 = p_certificate, done_at = clock_timestamp(), done_seq = v_seq where log = v_log and erasure = p_erasure;
  return v_seq;
end $$;

-- All erasures of a log, newest first.
create or replace function unbroken.erasures(p_log text) returns table (
  erasure uuid, state text, basis text, case_name text, reason text, with_acted boolean, subjects text[],
  requested_by text, requested_at timestamptz, requested_seq bigint, expires_at timestamptz,
  confirmed_by text, confirmed_at timestamptz, confirmed_seq bigint, upto_at timestamptz,
  begun_by text, begun_at timestamptz, begun_seq bigint, order_sha256 text,
  payloads bigint, originals bigint, keys bigint, done_at timestamptz, done_seq bigint, certificate_sha256 text, planned jsonb, despite_floors boolean)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := case when unbroken.is_installing() then unbroken.log_named(p_log) else unbroken.log_for_reader(p_log) end;
begin
  return query
  select e.erasure,
         case when e.done_seq is not null then 'done' when e.begun_seq is not null then 'begun' when e.withdrawn_seq is not null then 'withdrawn'
              when e.expires_at < clock_timestamp() then 'expired' when e.confirmed_seq is not null then 'confirmed' else 'asked' end,
         e.basis, e.case_name, e.reason, e.with_acted, e.subjects, e.requested_by, e.requested_at, e.requested_seq, e.expires_at,
         e.confirmed_by, e.confirmed_at, e.confirmed_seq, e.upto_at, e.begun_by, e.begun_at, e.begun_seq, e.order_sha256,
         e.payloads, e.originals, e.keys, e.done_at, e.done_seq, e.certificate_sha256,
         e.planned, e.despite_floors
    from erasures e where e.log = v_log order by coalesce(e.requested_at, e.begun_at) desc, e.erasure;
end $$;

-- For verification: keys whose private half is not there, with the entry that is said to tell of it; and which of these
-- pseudonyms lead to a name.
create or replace function unbroken.key_absences(p_log text) returns table (key_id text, seq bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select k.key_id, k.destroyed_seq from subject_keys k
   where k.log = v_log and not exists (select from wrapped_keys w where w.log = k.log and w.key_id = k.key_id)
   order by k.key_id;
end $$;

create or replace function unbroken.known_pseudonyms(p_log text, p_pseudonyms text[]) returns text[]
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return array(select i.pseudonym from identities i where i.log = v_log and i.pseudonym = any (p_pseudonyms) order by 1);
end $$;
