-- Under the lock of one log: numbers a batch, stamps it and links it to what is there. Called by append and by the log's own
-- entries, for events that have been checked; whoever calls inserts what comes back, in the same transaction.
create or replace function unbroken.chain(
  p_log integer, p_writer text, p_principal text, p_events text[], p_ids uuid[], p_sessions text[],
  out first_seq bigint, out recorded_at timestamptz, out session_seqs bigint[], out prev_hashes bytea[], out hashes bytea[]
)
language plpgsql set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  n constant int := cardinality(p_events);
  v_name text; v_head bytea; v_before timestamptz; v_link bytea;
  v_part1 text; v_part2 text; v_part3 text;
begin
  -- A snapshot taken before the lock would show an old head.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append runs in READ COMMITTED' using errcode = 'UB004';
  end if;
  -- The lock that orders appends. Its row is never updated: a head kept there would bloat under every long reader.
  perform from logs l where l.log = p_log for no key update;
  perform from continuity c
   where c.log = p_log and (c.closed_because is not null or c.started_at is distinct from pg_postmaster_start_time() or c.relation <> 'unbroken.continuity'::regclass);
  if found then
    perform unbroken.require_continuous(p_log);
  end if;
  select l.origin || '~' || l.incarnation, coalesce(e.seq, 0) + 1, coalesce(e.hash, '\x0000000000000000000000000000000000000000000000000000000000000000'), e.recorded_at
    into strict v_name, first_seq, v_head, v_before
    from logs l
    left join lateral (select x.seq, x.hash, x.recorded_at from entries x where x.log = p_log order by x.seq desc limit 1) e on true
   where l.log = p_log;
  recorded_at := clock_timestamp();
  -- Small steps back of the clock are levelled; a large one stays visible.
  if v_before > recorded_at and v_before - recorded_at < interval '10 s' then recorded_at := v_before; end if;

  -- A duplicate, within the batch or with an earlier one, ends the call with 23505.
  insert into event_ids select p_log, unnest(p_ids), generate_series(first_seq, first_seq + n - 1);

  with numbered as (
    select sid, o, row_number() over w as nth, first_value(o) over w as first, count(*) over (partition by sid) as m
      from unnest(p_sessions) with ordinality as u (sid, o) where sid is not null
    window w as (partition by sid order by o)
  ), counted as (
    insert into sessions as s select p_log, sid, m, first_seq - 1 + first, first_seq - 1 + o from numbered where nth = m
    on conflict (log, session_id) do update set entries = s.entries + excluded.entries, last_seq = excluded.last_seq
    returning session_id, entries
  )
  select array_agg(c.entries - x.m + x.nth order by u.o) into session_seqs
    from generate_series(1, n) as u (o)
    left join numbered x on x.o = u.o
    left join counted c on c.session_id = x.sid;

  -- Nothing but to_json() puts a text into a line.
  v_part1 := ',"log":' || to_json(v_name) || ',"prev_hash":"';
  v_part2 := '"' || coalesce(',"principal":' || to_json(p_principal), '') || ',"recorded_at":"' || to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '","seq":';
  v_part3 := ',"v":1,"writer":' || to_json(p_writer) || '}';
  v_link := v_head;
  prev_hashes := '{}';
  hashes := '{}';
  for i in 1..n loop
    prev_hashes[i] := v_link;
    v_link := sha256('\x00'::bytea || convert_to(
      '{"event":' || p_events[i] || v_part1 || encode(v_link, 'hex') || v_part2 || (first_seq + i - 1)
      || coalesce(',"session_seq":' || session_seqs[i], '') || v_part3, 'UTF8'));
    hashes[i] := v_link;
  end loop;
  if unbroken.is_near_end(first_seq, n) then
    perform unbroken.ensure_partitions(p_log, first_seq + n - 1);
  end if;
end $$;
