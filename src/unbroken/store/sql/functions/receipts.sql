-- What an event says, without who numbered it: the same event sent again, perhaps by another recorder, is the same event.
-- A bare quote after a comma can't stand inside a JSON text, so the first match is the two keys themselves.
create or replace function unbroken.unnumbered(e text) returns text
language sql immutable parallel safe as $$
select regexp_replace(e, ',"recorder":"[0-9a-f-]{36}","recorder_seq":[0-9]+', '')
$$;

-- Whether it is so many ids at a time, with as many hashes.
create or replace function unbroken.require_ids(p_ids uuid[], p_hashes bytea[]) returns void
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  if cardinality(p_ids) is null or cardinality(p_ids) not between 1 and 5000 or cardinality(p_hashes) is distinct from cardinality(p_ids) then
    raise exception 'ask for 1 to 5000 ids, with as many hashes or nulls' using errcode = 'UB002';
  end if;
end $$;

-- Which of these ids are in a log. With the SHA-256 of an event's text without recorder and recorder_seq the answer tells 'recorded'
-- (with its receipt, and under which number) from 'conflict' (the id stands for another event); without one it is 'present'.
create or replace function unbroken.receipts_in(p_log integer, p_ids uuid[], p_hashes bytea[])
returns table (id uuid, state text, writer text, recorder uuid, recorder_seq bigint,
               seq bigint, session_seq bigint, recorded_at timestamptz, prev_hash bytea, hash bytea)
language plpgsql stable set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
begin
  return query
  select a.id, s.state, e.writer, n.recorder, n.recorder_seq, r.seq, r.session_seq, r.recorded_at, r.prev_hash, r.hash
    from (select unnest(p_ids) as id, unnest(p_hashes) as hash) a
    join event_ids i on i.log = p_log and i.id = a.id
    join entries e on e.log = p_log and e.seq = i.seq
   cross join lateral (select case when a.hash is null then 'present'
                                   when a.hash = sha256(convert_to(unbroken.unnumbered(e.event), 'UTF8')) then 'recorded'
                                   else 'conflict' end as state) s
    left join lateral (select e.seq, e.session_seq, e.recorded_at, e.prev_hash, e.hash where s.state = 'recorded') r on true
    left join lateral (select j.recorder, j.recorder_seq from json_populate_record(null::unbroken.event, e.event::json) as j
                        where s.state = 'recorded') n on true;
end $$;

-- After a lost answer, or for an event that is sent again: receipts of what is in the log already.
create or replace function unbroken.receipts(p_log text, p_ids uuid[], p_hashes bytea[])
returns table (id uuid, state text, writer text, recorder uuid, recorder_seq bigint,
               seq bigint, session_seq bigint, recorded_at timestamptz, prev_hash bytea, hash bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_writer(p_log);
begin
  perform unbroken.require_ids(p_ids, p_hashes);
  return query select r.* from unbroken.receipts_in(v_log, p_ids, p_hashes) as r;
end $$;
