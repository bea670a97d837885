-- The one door. Records a batch, all of it or nothing, and returns a receipt for each event, from which the writer
-- recomputes its own hashes.
--
-- SQLSTATE  UB001 an event is refused (DETAIL: its position, from 0)    UB002 the batch is refused
--           UB003 this login has no grant on this log, or there is no such log    UB004 another isolation level
--           UB005 an approval is claimed or given that does not hold (DETAIL: position, HINT: why)
--           23505 an id is already recorded: ask unbroken.receipts and send the rest
--
-- Planned once per session: with all checks inlined, planning takes longer than recording one entry. Never compiled just in
-- time: compiling these checks takes minutes, which no time-out interrupts.

create or replace function unbroken.append(
  p_log text, p_events text[],
  p_inputs text[], p_inputs_salts bytea[], p_outputs text[], p_outputs_salts bytea[], p_details text[], p_details_salts bytea[],
  p_principal text default null, p_originals bytea[] default null
) returns table (seq bigint, session_seq bigint, recorded_at timestamptz, prev_hash bytea, hash bytea)
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
declare
  n        constant int := cardinality(p_events);
  v_log    constant int := unbroken.log_for_writer(p_log);
  v_writer constant text := unbroken.caller();
  v_faults text[]; v_at int;
  v_ids uuid[]; v_types text[]; v_actors text[]; v_agents text[]; v_sessions text[]; v_tools text[]; v_sides boolean[];
  v_outcomes text[]; v_rtypes text[]; v_rids text[]; v_recorders uuid[]; v_contains text[]; v_subjects text[]; v_committed boolean[]; v_classes int[];
  v_first bigint; v_now timestamptz; v_sseqs bigint[]; v_prevs bytea[]; v_hashes bytea[];
begin
  -- A receipt is good after a crash, whatever the login or the server has set.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  -- Before the lock: everything that needs only the caller's input, so that several writers do it side by side.
  -- One dimension, counted from 1, in all of them, so that what is at one place belongs together however it is unfolded.
  if n is null or n not between 1 and 5000
     or array_fill('[1:' || n || ']', array[7]) <> array[array_dims(p_events),
          array_dims(p_inputs), array_dims(p_inputs_salts), array_dims(p_outputs), array_dims(p_outputs_salts),
          array_dims(p_details), array_dims(p_details_salts)]
     or array_dims(p_originals) <> '[1:' || n || ']' then
    raise exception 'a batch is 1 to 5000 events and as many inputs, outputs, details, salts and originals' using errcode = 'UB002';
  end if;
  if p_principal is not null then
    perform unbroken.require_server(v_log, p_principal);
  end if;
  if n = 1 then
    return query
    select * from unbroken.append_one(v_log, v_writer, p_events[1], p_inputs[1], p_inputs_salts[1], p_outputs[1], p_outputs_salts[1],
                                      p_details[1], p_details_salts[1], p_principal, p_originals[1]);
    return;
  end if;
  begin
    select array_agg(event_fault(u.e, j, u.i, u.i_salt, u.o, u.o_salt, u.d, u.d_salt)),
           array_agg(j.id), array_agg(j.event_type), array_agg(j.actor_id), array_agg(j.agent_id),
           array_agg(j.session_id), array_agg(j.tool), array_agg(j.side_effect), array_agg((j.decision).outcome),
           array_agg(j.resource_type), array_agg(j.resource_id), array_agg(j.recorder),
           array_agg(case when j.redactions is not null then unbroken.contains_of(j.redactions)::text end),
           array_agg(case when j.subjects is not null then j.subjects::text end), array_agg(j.original is not null),
           array_agg((select c.class from retention_classes c where c.log = v_log and c.key = unbroken.class_key(j.event_type, j.domains, j.scope)))
      into v_faults, v_ids, v_types, v_actors, v_agents, v_sessions, v_tools, v_sides, v_outcomes, v_rtypes, v_rids, v_recorders, v_contains,
           v_subjects, v_committed, v_classes
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

  if p_originals is not null or true = any (v_committed) then
    perform unbroken.check_originals(v_log, v_committed, p_originals);
  end if;

  -- A batch is nearly always one recorder's, and one that is known.
  perform from recorders r where r.log = v_log and r.recorder = v_recorders[1] and r.login = session_user;
  if not found or array_remove(v_recorders, v_recorders[1]) <> '{}' then
    perform unbroken.bind_recorders(v_log, v_recorders);
  end if;
  if array_position(v_classes, null) is not null then
    v_classes := unbroken.classes_of(v_log, p_events);
  end if;

  select c.first_seq, c.recorded_at, c.session_seqs, c.prev_hashes, c.hashes
    into v_first, v_now, v_sseqs, v_prevs, v_hashes
    from unbroken.chain(v_log, v_writer, p_principal, p_events, v_ids, v_sessions) c;
  if v_types && '{approval_requested,approval_decided}' or 'approved' = any (v_outcomes) then
    perform unbroken.follow_approvals(v_log, v_first, p_events, v_types, v_outcomes, v_now);
  end if;
  insert into entries
  select v_log, generate_series(v_first, v_first + n - 1), unnest(v_sseqs), v_now, v_writer, p_principal, unnest(v_prevs), unnest(v_hashes),
         unnest(p_events), unnest(v_ids), unnest(v_types), unnest(v_actors), unnest(v_agents), unnest(v_sessions),
         unnest(v_tools), unnest(v_sides), unnest(v_outcomes), unnest(v_rtypes), unnest(v_rids), unnest(v_contains)::text[],
         unnest(v_subjects)::text[], unnest(v_classes);
  insert into payloads
  select v_log, u.*
    from (select generate_series(v_first, v_first + n - 1), unnest(p_inputs) as i, unnest(p_inputs_salts), unnest(p_outputs) as o,
                 unnest(p_outputs_salts), unnest(p_details) as d, unnest(p_details_salts)) as u
   where num_nonnulls(u.i, u.o, u.d) > 0;
  if p_originals is not null then
    insert into originals
    select v_log, v_first + u.nth - 1, u.original from unnest(p_originals) with ordinality as u (original, nth) where u.original is not null;
  end if;
  -- What the log adds by itself comes after the batch, whose numbers stay together.
  if 'model_call' = any (v_types) then
    perform unbroken.follow_agents(v_log, v_first, p_events, p_details);
  end if;
  return query
  select generate_series(v_first, v_first + n - 1), unnest(v_sseqs), v_now, unnest(v_prevs), unnest(v_hashes);
end $$;
