-- Approvals: a decision is bound to one request, one call and one set of arguments, and serves one execution. What append
-- accepts here is what a reader may rely on.

-- Until when, as the item valid_until=<ts> of a scope says; null where it says nothing that is a time.
create or replace function unbroken.valid_until(p_scope text[]) returns timestamptz
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_text text;
begin
  select min(substr(item, 13)) into v_text from unnest(p_scope) as item where starts_with(item, 'valid_until=');
  return case when unbroken.is_time(v_text) then v_text::timestamptz end;
exception when data_exception then
  return null;
end $$;

create or replace function unbroken.refuse_approval(p_at bigint, p_why text) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  raise exception 'event %: this approval does not hold (%)', p_at, p_why
    using errcode = 'UB005', detail = (p_at - 1)::text, hint = p_why;
end $$;

-- Checks and keeps what a batch says of approvals. Under the log's lock, so "came before" and "not used yet" are certain.
create or replace function unbroken.follow_approvals(
  p_log integer, p_first bigint, p_events text[], p_types text[], p_outcomes text[], p_now timestamptz
) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  j unbroken.event;
begin
  for i in 1..cardinality(p_events) loop
    continue when p_types[i] not in ('approval_requested', 'approval_decided', 'tool_call')
               or p_types[i] = 'tool_call' and p_outcomes[i] is distinct from 'approved';
    j := json_populate_record(null::unbroken.event, p_events[i]::json);
    case p_types[i]
      when 'approval_requested' then perform unbroken.keep_request(p_log, p_first + i - 1, i, j);
      when 'approval_decided' then perform unbroken.keep_decision(p_log, p_first + i - 1, i, j, p_now);
      else perform unbroken.use_approval(p_log, p_first + i - 1, i, j, p_now);
    end case;
  end loop;
end $$;

create or replace function unbroken.keep_request(p_log integer, p_seq bigint, p_at bigint, j unbroken.event) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_until constant timestamptz := unbroken.valid_until(j.scope);
begin
  if j.tool is null or j.call_id is null or (j.decision).arguments_hash is null or v_until is null then
    perform unbroken.refuse_approval(p_at, 'mismatch');
  end if;
  insert into approvals (log, request, requested_seq, tool, call_id, arguments_hash, actor_id, agent_id, requested_until)
  values (p_log, j.id, p_seq, j.tool, j.call_id, (j.decision).arguments_hash, j.actor_id, j.agent_id, v_until);
end $$;

-- The request that an event names, if the event is about the same call with the same arguments.
create or replace function unbroken.request_of(p_log integer, p_at bigint, j unbroken.event) returns unbroken.approvals
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_asked unbroken.approvals;
begin
  select a.* into v_asked from approvals a where a.log = p_log and a.request = (j.decision).request;
  if not found then
    perform unbroken.refuse_approval(p_at, 'unknown');
  end if;
  if (j.tool, j.call_id, (j.decision).arguments_hash) is distinct from (v_asked.tool, v_asked.call_id, v_asked.arguments_hash) then
    perform unbroken.refuse_approval(p_at, 'mismatch');
  end if;
  return v_asked;
end $$;

-- A request is approved once, by somebody else than who asked; a denial is final, and withdraws what is not used yet.
create or replace function unbroken.keep_decision(p_log integer, p_seq bigint, p_at bigint, j unbroken.event, p_now timestamptz) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_asked   constant unbroken.approvals := unbroken.request_of(p_log, p_at, j);
  v_outcome constant text := (j.decision).outcome;
  v_until   timestamptz;
begin
  if v_outcome is null or v_outcome not in ('approved', 'denied') or (j.decision).by is distinct from j.actor_id or (j.decision).at is null then
    perform unbroken.refuse_approval(p_at, 'mismatch');
  elsif v_asked.used_seq is not null then
    perform unbroken.refuse_approval(p_at, 'used');
  elsif v_asked.outcome = 'denied' then
    perform unbroken.refuse_approval(p_at, 'denied');
  elsif v_outcome = 'approved' then
    v_until := unbroken.valid_until(j.scope);
    if v_asked.outcome is not null or v_until is null then
      perform unbroken.refuse_approval(p_at, 'mismatch');
    elsif unbroken.same_person(p_log, j.actor_id, v_asked.actor_id) or unbroken.same_person(p_log, j.actor_id, v_asked.agent_id) then
      perform unbroken.refuse_approval(p_at, 'own request');
    elsif p_now > v_asked.requested_until then
      perform unbroken.refuse_approval(p_at, 'expired');
    end if;
  end if;
  update approvals
     set decided_seq = p_seq, outcome = v_outcome, approved_until = v_until,
         -- What is no entry yet comes with this batch, so through this login.
         self_attested = coalesce((select split_part(e.writer, ' as ', 1) = session_user from entries e
                                    where e.log = p_log and e.seq = v_asked.requested_seq), true)
   where log = p_log and request = v_asked.request;
end $$;

create or replace function unbroken.use_approval(p_log integer, p_seq bigint, p_at bigint, j unbroken.event, p_now timestamptz) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_asked constant unbroken.approvals := unbroken.request_of(p_log, p_at, j);
  v_why   constant text := unbroken.state_of(v_asked, p_now);
begin
  if v_why <> 'approved' then
    perform unbroken.refuse_approval(p_at, v_why);
  end if;
  -- What the call says of the decision is what the decision says.
  if not exists (select from entries e, json_populate_record(null::unbroken.event, e.event::json) as d
                  where e.log = p_log and e.seq = v_asked.decided_seq
                    and (d.decision).by = (j.decision).by and (d.decision).at = (j.decision).at
                    and not unbroken.same_person(p_log, d.actor_id, j.actor_id) and not unbroken.same_person(p_log, d.actor_id, j.agent_id)) then
    perform unbroken.refuse_approval(p_at, 'mismatch');
  end if;
  update approvals set used_seq = p_seq where log = p_log and request = v_asked.request;
end $$;

create or replace function unbroken.state_of(p_asked unbroken.approvals, p_now timestamptz) returns text
language sql stable set search_path = unbroken, pg_temp as $$
select case
  when (p_asked).used_seq is not null then 'used'
  when (p_asked).outcome = 'denied' then 'denied'
  when (p_asked).outcome = 'approved' then case when p_now <= (p_asked).approved_until then 'approved' else 'expired' end
  when p_now <= (p_asked).requested_until then 'pending'
  else 'expired'
end
$$;

-- What a recorder has to know of requests before it acts: by the request's id, or by the call and its arguments, newest
-- first. self_attested: asked for and decided through one login, so that nobody else vouches for the decision.
create or replace function unbroken.approvals_of(p_log text, p_request uuid, p_call_id text, p_arguments_hash text)
returns table (request uuid, state text, tool text, call_id text, arguments_hash text, session_id text, turn_id text, requested_by text,
               agent_id text, valid_until timestamptz, outcome text, by text, at text, self_attested boolean)
language plpgsql stable security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_writer(p_log);
  v_now constant timestamptz := clock_timestamp();
begin
  if (p_request is null) = (p_call_id is null or p_arguments_hash is null) then
    raise exception 'ask by request, or by call and arguments' using errcode = 'UB002';
  end if;
  return query
  select a.request, unbroken.state_of(a, v_now), a.tool, a.call_id, a.arguments_hash, q.session_id, asked.turn_id, a.actor_id,
         a.agent_id, coalesce(a.approved_until, a.requested_until), a.outcome, (decided.decision).by, (decided.decision).at,
         a.self_attested
    from approvals a
    join entries q on q.log = a.log and q.seq = a.requested_seq
   cross join lateral json_populate_record(null::unbroken.event, q.event::json) as asked
    left join entries d on d.log = a.log and d.seq = a.decided_seq
    left join lateral json_populate_record(null::unbroken.event, d.event::json) as decided on d.seq is not null
   where a.log = v_log
     and (a.request = p_request or a.call_id = p_call_id and a.arguments_hash = p_arguments_hash)
   order by a.requested_seq desc limit 100;
end $$;
