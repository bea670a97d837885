-- The same rows under column names that teams already use. security_invoker: a reader sees what its own tickets open.

create or replace view unbroken.agent_audit with (security_invoker = true, security_barrier = true) as
select e.id,
       (j.event ->> 'ts')::timestamptz as ts,
       e.actor_id, e.agent_id, e.session_id, e.event_type,
       j.event ->> 'prompt_hash' as prompt_hash,
       p.inputs::json as inputs, p.outputs::json as outputs,
       j.event -> 'decision' as decision,
       case when num_nonnulls(j.event ->> 'input_tokens', j.event ->> 'output_tokens') > 0
            then coalesce((j.event ->> 'input_tokens')::bigint, 0) + coalesce((j.event ->> 'output_tokens')::bigint, 0)
        end as tokens,
       (j.event ->> 'cost_usd')::numeric as cost_usd,
       encode(e.prev_hash, 'hex') as prev_hash,
       encode(e.hash, 'hex') as hash,
       e.log, e.seq
  from unbroken.entries e
 cross join lateral (select e.event::json as event) j
  left join unbroken.payloads p on p.log = e.log and p.seq = e.seq;

create or replace view unbroken.audit_log with (security_invoker = true, security_barrier = true) as
select e.id,
       e.recorded_at as timestamp,
       e.event_type as action,
       e.actor_id,
       j.event ->> 'actor_type' as actor_type,
       e.session_id as conversation_id,
       j.event ->> 'agent_name' as agent_name,
       e.resource_type, e.resource_id,
       p.details::json as details,
       j.event ->> 'classification' as data_classification,
       encode(e.hash, 'hex') as integrity_hash,
       encode(e.prev_hash, 'hex') as previous_hash,
       e.log, e.seq
  from unbroken.entries e
 cross join lateral (select e.event::json as event) j
  left join unbroken.payloads p on p.log = e.log and p.seq = e.seq;
