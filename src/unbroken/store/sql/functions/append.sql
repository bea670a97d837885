-- The one door. Records a batch, all of it or nothing, and returns a receipt for each event, from which the writer
-- recomputes its own hashes.
--
-- SQLSTATE  UB001 an event is refused (DETAIL: its position, from 0)    UB002 the batch is refused
--           UB003 this login has no grant on this log, or there is no such log    UB004 another isolation level
--           23505 an id is already recorded: ask unbroken.receipts and send the rest

create or replace function unbroken.append(
  p_log text, p_events text[],
  p_inputs text[], p_inputs_salts bytea[], p_outputs text[], p_outputs_salts bytea[], p_details text[], p_details_salts bytea[]
) returns table (seq bigint, session_seq bigint, recorded_at timestamptz, prev_hash bytea, hash bytea)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  n        constant int := cardinality(p_events);
  v_log    constant int := unbroken.log_for_writer(p_log);
  v_writer constant text := unbroken.caller();
  v_name text; v_seq bigint; v_head bytea; v_before timestamptz; v_now timestamptz;
  v_faults text[]; v_at int;
  v_ids uuid[]; v_types text[]; v_actors text[]; v_agents text[]; v_sessions text[]; v_tools text[]; v_sides boolean[];
  v_outcomes text[]; v_rtypes text[]; v_rids text[];
  v_sseqs bigint[]; v_prevs bytea[] := '{}'; v_hashes bytea[] := '{}';
  v_part1 text; v_part2 text; v_part3 text; v_link bytea;
begin
  -- Before the lock: everything that needs only the caller's input, so that several writers do it side by side.
  if n is null or n not between 1 and 5000 or array_ndims(p_events) <> 1 or array_lower(p_events, 1) <> 1
     or (n, n, n, n, n, n) is distinct from (cardinality(p_inputs), cardinality(p_inputs_salts), cardinality(p_outputs),
                                 cardinality(p_outputs_salts), cardinality(p_details), cardinality(p_details_salts)) then
    raise exception 'a batch is 1 to 5000 events and as many inputs, outputs, details and salts' using errcode = 'UB002';
  end if;
  begin
    select array_agg(event_fault(u.e, j, u.i, u.i_salt, u.o, u.o_salt, u.d, u.d_salt)),
           array_agg(j.id), array_agg(j.event_type), array_agg(j.actor_id), array_agg(j.agent_id),
           array_agg(j.session_id), array_agg(j.tool), array_agg(j.side_effect), array_agg((j.decision).outcome),
           array_agg(j.resource_type), array_agg(j.resource_id)
      into v_faults, v_ids, v_types, v_actors, v_agents, v_sessions, v_tools, v_sides, v_outcomes, v_rtypes, v_rids
      from (select unnest(p_events) as e, unnest(p_inputs) as i, unnest(p_inputs_salts) as i_salt, unnest(p_outputs) as o,
                   unnest(p_outputs_salts) as o_salt, unnest(p_details) as d, unnest(p_details_salts) as d_salt) as u,
           json_populate_record(null::unbroken.event, u.e::json) as j;
  exception
    -- The server's own message would quote the value, which may be personal data.
    when data_exception or program_limit_exceeded then
      raise exception 'an event or a payload is not JSON of the right shape' using errcode = 'UB001';
  end;
  if v_faults <> array_fill(null::text, array[n]) then
    v_at := (select o from unnest(v_faults) with ordinality as f (fault, o) where fault is not null order by o limit 1);
    raise exception 'event % of %: %', v_at, n, v_faults[v_at] using errcode = 'UB001', detail = (v_at - 1)::text;
  end if;

  -- A snapshot taken before the lock would show an old head.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append runs in READ COMMITTED' using errcode = 'UB004';
  end if;
  -- The lock that orders appends. Its row is never updated: a head kept there would bloat under every long reader.
  perform from logs l where l.log = v_log for no key update;
  select l.origin || '~' || l.incarnation, coalesce(e.seq, 0), coalesce(e.hash, '\x0000000000000000000000000000000000000000000000000000000000000000'), e.recorded_at
    into strict v_name, v_seq, v_head, v_before
    from logs l
    left join lateral (select x.seq, x.hash, x.recorded_at from entries x where x.log = v_log order by x.seq desc limit 1) e on true
   where l.log = v_log;
  v_now := clock_timestamp();
  -- Small steps back of the clock are levelled; a large one stays visible.
  if v_before > v_now and v_before - v_now < interval '10 s' then v_now := v_before; end if;

  -- A duplicate, within the batch or with an earlier one, ends the call with 23505.
  insert into event_ids select v_log, unnest(v_ids), generate_series(v_seq + 1, v_seq + n);

  with numbered as (
    select sid, o, row_number() over w as nth, first_value(o) over w as first, count(*) over (partition by sid) as m
      from unnest(v_sessions) with ordinality as u (sid, o) where sid is not null
    window w as (partition by sid order by o)
  ), counted as (
    insert into sessions as s select v_log, sid, m, v_seq + first, v_seq + o from numbered where nth = m
    on conflict (log, session_id) do update set entries = s.entries + excluded.entries, last_seq = excluded.last_seq
    returning session_id, entries
  )
  select array_agg(c.entries - x.m + x.nth order by u.o) into v_sseqs
    from generate_series(1, n) as u (o)
    left join numbered x on x.o = u.o
    left join counted c on c.session_id = x.sid;

  -- Nothing but to_json() puts a text into a line.
  v_part1 := ',"log":' || to_json(v_name) || ',"prev_hash":"';
  v_part2 := '","recorded_at":"' || to_char(v_now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '","seq":';
  v_part3 := ',"v":1,"writer":' || to_json(v_writer) || '}';
  v_link := v_head;
  for i in 1..n loop
    v_prevs[i] := v_link;
    v_link := sha256('\x00'::bytea || convert_to(
      '{"event":' || p_events[i] || v_part1 || encode(v_link, 'hex') || v_part2 || (v_seq + i)
      || coalesce(',"session_seq":' || v_sseqs[i], '') || v_part3, 'UTF8'));
    v_hashes[i] := v_link;
  end loop;

  perform unbroken.ensure_partitions(v_log, v_seq + n);
  insert into entries
  select v_log, generate_series(v_seq + 1, v_seq + n), unnest(v_sseqs), v_now, v_writer, null, unnest(v_prevs), unnest(v_hashes),
         unnest(p_events), unnest(v_ids), unnest(v_types), unnest(v_actors), unnest(v_agents), unnest(v_sessions),
         unnest(v_tools), unnest(v_sides), unnest(v_outcomes), unnest(v_rtypes), unnest(v_rids);
  insert into payloads
  select v_log, u.*
    from (select generate_series(v_seq + 1, v_seq + n), unnest(p_inputs) as i, unnest(p_inputs_salts), unnest(p_outputs) as o,
                 unnest(p_outputs_salts), unnest(p_details) as d, unnest(p_details_salts)) as u
   where num_nonnulls(u.i, u.o, u.d) > 0;
  return query
  select generate_series(v_seq + 1, v_seq + n), unnest(v_sseqs), v_now, unnest(v_prevs), unnest(v_hashes);
end $$;
