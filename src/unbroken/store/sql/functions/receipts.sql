-- After a lost answer: which of these ids are in the log. With the SHA-256 of an event's text the answer tells 'recorded'
-- (with its receipt) from 'conflict' (the id stands for another event); without one it is 'present'.
create or replace function unbroken.receipts(p_log text, p_ids uuid[], p_hashes bytea[])
returns table (id uuid, state text, writer text, seq bigint, session_seq bigint, recorded_at timestamptz, prev_hash bytea, hash bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_writer(p_log);
begin
  if cardinality(p_ids) is null or cardinality(p_ids) not between 1 and 5000 or cardinality(p_hashes) is distinct from cardinality(p_ids) then
    raise exception 'ask for 1 to 5000 ids, with as many hashes or nulls' using errcode = 'UB002';
  end if;
  return query
  select a.id, s.state, e.writer, r.seq, r.session_seq, r.recorded_at, r.prev_hash, r.hash
    from (select unnest(p_ids) as id, unnest(p_hashes) as hash) a
    join event_ids i on i.log = v_log and i.id = a.id
    join entries e on e.log = v_log and e.seq = i.seq
   cross join lateral (select case when a.hash is null then 'present'
                                   when a.hash = sha256(convert_to(e.event, 'UTF8')) then 'recorded'
                                   else 'conflict' end as state) s
    left join lateral (select e.seq, e.session_seq, e.recorded_at, e.prev_hash, e.hash where s.state = 'recorded') r on true;
end $$;
