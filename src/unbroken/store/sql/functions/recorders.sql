-- Recorders: the processes that record, each under a random id and with numbers of its own, so that what never arrived
-- leaves a gap that can be shown.

-- An id belongs to the login that used it first. Called before the log's lock: the key arbitrates between two first users.
create or replace function unbroken.bind_recorders(p_log integer, p_recorders uuid[]) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_strange uuid;
begin
  insert into recorders (log, recorder, login)
  select distinct p_log, recorder, session_user from unnest(p_recorders) as recorder order by recorder
  on conflict do nothing;
  -- Asked the other way round, a look-up that sees nothing would let everybody in.
  select u.recorder into v_strange from unnest(p_recorders) as u (recorder)
   where not exists (select from recorders r where r.log = p_log and r.recorder = u.recorder and r.login = session_user) limit 1;
  if found then
    raise exception 'an event bears a recorder that belongs to another login'
      using errcode = 'UB001', detail = (array_position(p_recorders, v_strange) - 1)::text;
  end if;
end $$;

-- For what a recorder says of itself: its number in the log, after checking that it is the caller's own.
create or replace function unbroken.log_for_recorder(p_origin text, p_recorder uuid) returns integer
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_writer(p_origin);
begin
  if p_recorder is null then
    raise exception 'which recorder?' using errcode = 'UB002';
  end if;
  perform unbroken.bind_recorders(v_log, array[p_recorder]);
  return v_log;
end $$;

-- A recorder's farewell: how many numbers it used. Without one, nobody can tell whether its last events arrived.
create or replace function unbroken.stop_recorder(p_log text, p_recorder uuid, p_count bigint) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  if p_count is null or not unbroken.is_count(p_count) then
    raise exception 'how many numbers were used?' using errcode = 'UB002';
  end if;
  return unbroken.append_own(unbroken.log_for_recorder(p_log, p_recorder), 'log.recorder_stopped',
                             jsonb_build_object('recorder', p_recorder, 'count', p_count));
end $$;

-- A recorder's account of numbers that came late or may never come. 'outage': they were kept aside and sent later, but for
-- those refused. 'unknown': their outcome was not known when the recorder gave up on them. 'repeated': they were given to
-- events that turned out to be in the log already, under other numbers. 'lost': they were recorded before, in an incarnation that
-- has lost them, and are recorded here once more, but for those refused. With an id for the entry, doing it again does nothing.
create or replace function unbroken.declare_gap(
  p_log text, p_recorder uuid, p_reason text, p_first bigint, p_last bigint, p_count bigint, p_from text, p_to text, p_refused uuid[],
  p_id uuid default null
) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off as $$
declare
  v_log int;
  v_seq bigint;
begin
  if p_reason is null or p_reason not in ('outage', 'unknown', 'repeated', 'lost') or p_first is null or p_last is null or p_count is null
     or not (unbroken.is_count(p_first) and unbroken.is_count(p_last) and unbroken.is_count(p_count)) or p_first > p_last
     or unbroken.is_time(p_from) is not true or unbroken.is_time(p_to) is not true or p_from > p_to
     or p_refused is null or cardinality(p_refused) > 1000 or array_position(p_refused, null) is not null then
    raise exception 'a gap has a reason, its numbers, its times, and at most 1000 ids that were refused' using errcode = 'UB002';
  end if;
  v_log := unbroken.log_for_recorder(p_log, p_recorder);
  select e.seq into v_seq from event_ids i join entries e on e.log = v_log and e.seq = i.seq
   where i.log = v_log and i.id = p_id and e.event_type = 'log.gap';
  return coalesce(v_seq, unbroken.append_own(v_log, 'log.gap', jsonb_build_object(
    'recorder', p_recorder, 'reason', p_reason, 'first', p_first, 'last', p_last, 'count', p_count,
    'from', p_from, 'to', p_to, 'refused', to_jsonb(p_refused)), p_id));
exception
  when data_exception then
    raise exception 'a gap has a reason, its numbers, its times, and at most 1000 ids that were refused' using errcode = 'UB002';
end $$;
