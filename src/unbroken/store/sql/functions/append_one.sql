-- What append does, for one event: in one body and without arrays, which takes a third off the time of the commonest call.
-- Statement for statement it is append and chain, and a test holds that both give the same.
create or replace function unbroken.append_one(
  p_log integer, p_writer text, p_event text,
  p_inputs text, p_inputs_salt bytea, p_outputs text, p_outputs_salt bytea, p_details text, p_details_salt bytea, p_principal text,
  p_original bytea,
  out seq bigint, out session_seq bigint, out recorded_at timestamptz, out prev_hash bytea, out hash bytea
)
language plpgsql set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  j unbroken.event;
  v_fault text; v_name text; v_before timestamptz; v_class int;
begin
  begin
    j := json_populate_record(null::unbroken.event, p_event::json);
    v_fault := event_fault(p_event, j, p_inputs, p_inputs_salt, p_outputs, p_outputs_salt, p_details, p_details_salt);
  exception
    -- The server's own message would quote the value, which may be personal data.
    when data_exception or program_limit_exceeded then
      raise exception 'an event or a payload is not JSON of the right shape' using errcode = 'UB001';
  end;
  if v_fault is not null then
    raise exception 'event 1 of 1: %', v_fault using errcode = 'UB001', detail = '0';
  end if;
  if p_original is not null or j.original is not null then
    perform unbroken.check_originals(p_log, array[j.original is not null], array[p_original]);
  end if;
  select (select c.class from retention_classes c where c.log = p_log and c.key = unbroken.class_key(j.event_type, j.domains, j.scope)) into v_class
    from recorders r where r.log = p_log and r.recorder = j.recorder and r.login = session_user;
  if not found then
    perform unbroken.bind_recorders(p_log, array[j.recorder]);
  end if;
  if v_class is null then
    v_class := (unbroken.classes_of(p_log, array[p_event]))[1];
  end if;

  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append runs in READ COMMITTED' using errcode = 'UB004';
  end if;
  perform from logs l where l.log = p_log for no key update;
  perform from continuity c
   where c.log = p_log and (c.closed_because is not null or c.started_at is distinct from pg_postmaster_start_time() or c.relation <> 'unbroken.continuity'::regclass);
  if found then
    perform unbroken.require_continuous(p_log);
  end if;
  select l.origin || '~' || l.incarnation, coalesce(e.seq, 0) + 1, coalesce(e.hash, '\x0000000000000000000000000000000000000000000000000000000000000000'), e.recorded_at
    into strict v_name, seq, prev_hash, v_before
    from logs l
    left join lateral (select x.seq, x.hash, x.recorded_at from entries x where x.log = p_log order by x.seq desc limit 1) e on true
   where l.log = p_log;
  recorded_at := clock_timestamp();
  if v_before > recorded_at and v_before - recorded_at < interval '10 s' then recorded_at := v_before; end if;

  insert into event_ids values (p_log, j.id, append_one.seq);
  if j.session_id is not null then
    insert into sessions as s values (p_log, j.session_id, 1, append_one.seq, append_one.seq)
    on conflict (log, session_id) do update set entries = s.entries + 1, last_seq = excluded.last_seq
    returning entries into session_seq;
  end if;
  hash := sha256('\x00'::bytea || convert_to(
    '{"event":' || p_event || ',"log":' || to_json(v_name) || ',"prev_hash":"' || encode(prev_hash, 'hex') || '"'
    || coalesce(',"principal":' || to_json(p_principal), '') || ',"recorded_at":"'
    || to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '","seq":' || seq
    || coalesce(',"session_seq":' || session_seq, '') || ',"v":1,"writer":' || to_json(p_writer) || '}', 'UTF8'));
  if unbroken.is_near_end(seq, 1) then
    perform unbroken.ensure_partitions(p_log, seq);
  end if;
  if j.event_type in ('approval_requested', 'approval_decided') or (j.decision).outcome = 'approved' then
    perform unbroken.follow_approvals(p_log, seq, array[p_event], array[j.event_type], array[(j.decision).outcome], recorded_at);
  end if;

  insert into entries values (
    p_log, append_one.seq, append_one.session_seq, append_one.recorded_at, p_writer, p_principal, append_one.prev_hash, append_one.hash, p_event,
    j.id, j.event_type, j.actor_id, j.agent_id, j.session_id, j.tool, j.side_effect, (j.decision).outcome, j.resource_type, j.resource_id,
    case when j.redactions is not null then unbroken.contains_of(j.redactions) end, j.subjects, v_class);
  if num_nonnulls(p_inputs, p_outputs, p_details) > 0 then
    insert into payloads values (
      p_log, append_one.seq, p_inputs, p_inputs_salt, p_outputs, p_outputs_salt, p_details, p_details_salt);
  end if;
  if p_original is not null then
    insert into originals values (p_log, append_one.seq, p_original);
  end if;
  if j.event_type = 'model_call' and j.agent_id is not null and not unbroken.is_seen(p_log, j, p_details) then
    perform unbroken.follow_agents(p_log, append_one.seq, array[p_event], array[p_details]);
  end if;
end $$;
