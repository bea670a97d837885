-- What is wrong with one event and its payload, or null. Written as one expression so that the planner puts it into
-- append's query. Every rule of the format that a verifier checks is refused here, before it could be recorded.

-- An event's canonical text (RFC 8785): keys in order, absent where there is no value, texts through to_json() alone.
-- A text that differs from what its own parse prints here has blanks, another order, repeated or unknown keys, another
-- spelling of a character, or a value of another type. Twice as fast as json_strip_nulls(row_to_json(j)).
create or replace function unbroken.event_text(j unbroken.event) returns text
language sql stable parallel safe as $$
select '{' || concat_ws(',',
  '"actor_id":' || to_json(j.actor_id), '"actor_type":' || to_json(j.actor_type),
  '"agent_id":' || to_json(j.agent_id), '"agent_name":' || to_json(j.agent_name),
  '"agent_version":' || to_json(j.agent_version), '"call_id":' || to_json(j.call_id),
  '"capture":' || to_json(j.capture), '"classification":' || to_json(j.classification),
  '"cost_source":' || to_json(j.cost_source), '"cost_usd":' || to_json(j.cost_usd),
  '"decision":' || json_strip_nulls(to_json(j.decision)), '"details":' || to_json(j.details),
  '"domains":' || to_json(j.domains), '"event_type":' || to_json(j.event_type), '"id":"' || j.id || '"',
  '"input_tokens":' || j.input_tokens, '"inputs":' || to_json(j.inputs), '"latency_ms":' || j.latency_ms,
  '"model":' || to_json(j.model), '"original":' || to_json(j.original), '"output_tokens":' || j.output_tokens,
  '"outputs":' || to_json(j.outputs), '"parent_id":"' || j.parent_id || '"',
  '"prompt_hash":' || to_json(j.prompt_hash), '"purpose":' || to_json(j.purpose),
  '"recipient":' || to_json(j.recipient), '"recorder":"' || j.recorder || '"', '"recorder_seq":' || j.recorder_seq,
  '"redactions":' || to_json(j.redactions), '"resource_id":' || to_json(j.resource_id),
  '"resource_type":' || to_json(j.resource_type), '"rules":' || to_json(j.rules), '"scope":' || to_json(j.scope),
  '"session_id":' || to_json(j.session_id), '"side_effect":' || j.side_effect,
  '"source_address":' || to_json(j.source_address), '"span_id":' || to_json(j.span_id),
  '"status":' || to_json(j.status), '"subjects":' || to_json(j.subjects), '"tool":' || to_json(j.tool),
  '"trace_id":' || to_json(j.trace_id), '"ts":' || to_json(j.ts), '"turn_id":' || to_json(j.turn_id)
) || '}'
$$;

create or replace function unbroken.is_text_set(items text[]) returns boolean
language sql immutable parallel safe as $$
select array_ndims(items) = 1
   and array_position(items, null) is null
   and array_position(items, '') is null
   and items = array(select distinct item collate "C" from unnest(items) as item order by item collate "C")
$$;

create or replace function unbroken.is_time(value text) returns boolean
language sql stable parallel safe as $$
select length(value) = 27
   and value = to_char(value::timestamptz at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

create or replace function unbroken.is_count(value bigint) returns boolean
language sql immutable parallel safe as $$
select value is null or value between 0 and 9007199254740991
$$;

-- A part is there with a salt and matches its commitment, or part, salt and commitment are all absent.
-- '\u' is rare; where it stands, unfolding the value refuses \u0000 and lone surrogates, which would break every later read.
create or replace function unbroken.is_part(commitment text, value text, salt bytea) returns boolean
language sql stable parallel safe as $$
select case
  when value is null then commitment is null and salt is null
  else coalesce(length(salt) = 32 and commitment = encode(sha256(salt || convert_to(value, 'UTF8')), 'hex'), false)
   and octet_length(value) <= 4194304
   and value::json is not null
   and (value not like '%\\u%' or json_strip_nulls(value::json) is not null)
end
$$;

-- The texts that indexes and screens rely on are bounded; a short event can't hold a long one. With the longest names around it
-- a line has 65535 bytes at most, which is what others' tools take as an entry (C2SP tlog-tiles).
create or replace function unbroken.has_short_texts(e text, j unbroken.event) returns boolean
language sql stable parallel safe as $$
select octet_length(e) <= 61440 and not exists (
         select from json_each_text(row_to_json(j)) as field
          where field.value is not null and field.key not in ('domains', 'redactions', 'scope', 'subjects', 'decision')
            and octet_length(field.value) > 1024)
$$;

create or replace function unbroken.event_fault(
  e text, j unbroken.event, inputs text, inputs_salt bytea, outputs text, outputs_salt bytea, details text, details_salt bytea
) returns text
language sql stable parallel safe as $$
select case
  when unbroken.event_text(j) is distinct from e or e like '%:""%' then 'is not canonical'
  when j.id is null or j.actor_id is null or j.actor_type is null or j.event_type is null or j.ts is null
    or j.recorder is null or j.recorder_seq is null
    then 'lacks one of actor_id, actor_type, event_type, id, recorder, recorder_seq, ts'
  when j.event_type <> all ('{request,model_call,model_result,tool_call,tool_result,response,error,conversation_started,conversation_ended,data_accessed,data_modified,data_disclosed,prompt_changed,model_changed,access_granted,access_revoked,approval_requested,approval_decided,reviewed,annotated}'::text[])
    then 'has an event_type that is unknown or reserved for the log itself'
  when not unbroken.is_part(j.inputs, inputs, inputs_salt) then 'does not match its inputs'
  when not unbroken.is_part(j.outputs, outputs, outputs_salt) then 'does not match its outputs'
  when not unbroken.is_part(j.details, details, details_salt) then 'does not match its details'
  when j.original !~ '^[0-9a-f]{64}$' then 'has an original that is no commitment'
  when not unbroken.is_time(j.ts) then 'has a ts that is not YYYY-MM-DDTHH:MM:SS.ffffffZ'
  when j.actor_type <> all ('{user,agent,admin,system}') then 'has an unknown actor_type'
  when j.capture <> all ('{enforced,observed,imported}') then 'has an unknown capture'
  when j.classification <> all ('{public,internal,confidential,restricted}') then 'has an unknown classification'
  when not (unbroken.is_count(j.input_tokens) and unbroken.is_count(j.output_tokens)
        and unbroken.is_count(j.latency_ms) and unbroken.is_count(j.recorder_seq)) then 'has a number out of range'
  when j.domains is not null and unbroken.is_text_set(j.domains) is not true
    or j.redactions is not null and unbroken.is_text_set(j.redactions) is not true
    or j.scope is not null and unbroken.is_text_set(j.scope) is not true
    or j.subjects is not null and unbroken.is_text_set(j.subjects) is not true
    then 'has a list that is empty, not sorted, or repeats an item'
  when j.cost_usd !~ '^(0|[1-9][0-9]*)([.][0-9]+)?$' then 'has a cost_usd that is not a decimal number'
  when j.prompt_hash !~ '^k[0-9a-z]{1,16}:[0-9a-f]{64}$' then 'has a prompt_hash that is not keyed'
  when j.trace_id !~ '^[0-9a-f]{32}$' then 'has a trace_id that is not 32 hex digits'
  when j.span_id !~ '^[0-9a-f]{16}$' then 'has a span_id that is not 16 hex digits'
  when j.decision is distinct from null and (j.decision is null
    or (j.decision).arguments_hash !~ '^k[0-9a-z]{1,16}:[0-9a-f]{64}$'
    or not unbroken.is_time((j.decision).at)) then 'has a decision that is empty or malformed'
  when octet_length(e) > 1024 and not unbroken.has_short_texts(e, j) then 'has a text over 1024 bytes or is over 61440 bytes'
end
$$;
