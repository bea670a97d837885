-- What each agent was last seen to use. A call with another prompt or model leads to an entry of the log's own, prompt_changed
-- or model_changed, in the transaction that records the call, so that no recorder can forget it.

-- A name or version as a call states it: a number or a short text of one line; null for anything else.
create or replace function unbroken.name_in(p_stated json) returns text
language sql immutable parallel safe as $$
select case when json_typeof(p_stated) in ('string', 'number') and length(p_stated #>> '{}') between 1 and 100
             and p_stated #>> '{}' !~ '[\u0001-\u001f\u007f-\u009f\u2028\u2029]' then p_stated #>> '{}' end
$$;

-- Which template a call's details name, in which version, and the keyed hash of its text where that is stated. Names such as
-- 'triage v3', 'triage@3', 'triage-2025-01' and 'v3' end with a version. Without a name the template is ''.
create or replace function unbroken.template_in(p_details text, out template text, out version text, out hash text)
language plpgsql immutable parallel safe set search_path = unbroken, pg_temp as $$
declare
  v_stated json;
  v_ending text[];
begin
  template := '';
  -- The common case, without parsing what may be long.
  if p_details is null or strpos(p_details, '"prompt_template"') = 0 then
    return;
  end if;
  v_stated := p_details::json -> 'prompt_template';
  if json_typeof(v_stated) = 'object' then
    template := coalesce(unbroken.name_in(v_stated -> 'id'), unbroken.name_in(v_stated -> 'name'), '');
    version := unbroken.name_in(v_stated -> 'version');
    hash := substring(v_stated ->> 'content_hash' from '^k[0-9a-z]{1,16}:[0-9a-f]{64}$');
  else
    template := coalesce(unbroken.name_in(v_stated), '');
  end if;
  if version is null then
    v_ending := regexp_match(template, '((?:^|[ @:/#_.-])v?([0-9]+(?:[._-][0-9]+)*))$');
    version := v_ending[2];
    template := rtrim(left(template, length(template) - coalesce(length(v_ending[1]), 0)), ' @:/#_.-');
  end if;
end $$;

-- Whether two prompts, each a version or a keyed hash, are known to differ. Hashes under different keys tell nothing: the key
-- was changed. Nor do a version and a hash.
create or replace function unbroken.are_other_prompts(p_one text, p_other text) returns boolean
language sql immutable parallel safe as $$
select p_one <> p_other
   and substring(p_one from '^(k[0-9a-z]{1,16}):[0-9a-f]{64}$') is not distinct from substring(p_other from '^(k[0-9a-z]{1,16}):[0-9a-f]{64}$')
$$;

-- Whether a call says nothing of its agent that was not seen last already: what nearly every call comes to.
create or replace function unbroken.is_seen(p_log integer, j unbroken.event, p_details text) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_named  record;
  v_prompt text := j.prompt_hash;
  v_template text := '';
begin
  if strpos(p_details, '"prompt_template"') > 0 then
    v_named := unbroken.template_in(p_details);
    v_template := v_named.template;
    v_prompt := coalesce(v_named.version, v_named.hash, v_prompt);
  end if;
  perform from agents a
    where a.log = p_log and a.agent_id = j.agent_id and a.agent_version = coalesce(j.agent_version, '') and a.template = v_template
      and coalesce(a.prompt = v_prompt, v_prompt is null) and coalesce(a.model = j.model, j.model is null);
  return found;
end $$;

-- Follows a batch whose entries are in place. Under the log's lock, so what was last seen is what came before.
create or replace function unbroken.follow_agents(p_log integer, p_first bigint, p_events text[], p_details text[]) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_told    unbroken.event[] := '{}';
  v_details jsonb[] := '{}';
  v_is_new  boolean := false;
  v_call    record;
  v_about   unbroken.event;
  v_prompt  text;
  v_model   text;
begin
  for v_call in
    select p_first + u.o - 1 as seq, j.id, j.agent_id, coalesce(j.agent_version, '') as agent_version, t.template, p.prompt, j.model, j.prompt_hash,
           a.log is not null and coalesce(a.prompt = p.prompt, p.prompt is null) and coalesce(a.model = j.model, j.model is null) as is_seen
      from unnest(p_events, p_details) with ordinality as u (event, details, o)
     cross join lateral json_to_record(u.event::json) as j (id uuid, event_type text, agent_id text, agent_version text, model text, prompt_hash text)
     cross join lateral unbroken.template_in(u.details) as t
     cross join lateral (select coalesce(t.version, t.hash, j.prompt_hash) as prompt) as p
      left join agents a
        on a.log = p_log and a.agent_id = j.agent_id and a.agent_version = coalesce(j.agent_version, '') and a.template = t.template
     where j.event_type = 'model_call' and j.agent_id is not null
     order by u.o
  loop
    -- Seen last before this batch, and nothing in it has come between.
    continue when v_call.is_seen and not v_is_new;
    v_is_new := true;
    select a.prompt, a.model into v_prompt, v_model from agents a
     where a.log = p_log and a.agent_id = v_call.agent_id and a.agent_version = v_call.agent_version and a.template = v_call.template;
    if not found then
      -- A template's first call is no change of prompt; of the model it is where the agent was seen with others only.
      select a.model into v_model from agents a
       where a.log = p_log and a.agent_id = v_call.agent_id and a.agent_version = v_call.agent_version and a.model is not null
       order by a.model = v_call.model desc, a.seq desc limit 1;
    end if;
    v_about := null;
    v_about.agent_id := v_call.agent_id;
    v_about.agent_version := nullif(v_call.agent_version, '');
    v_about.parent_id := v_call.id;
    if unbroken.are_other_prompts(v_prompt, v_call.prompt) then
      v_about.event_type := 'prompt_changed';
      v_about.prompt_hash := v_call.prompt_hash;
      v_told := v_told || v_about;
      v_details := v_details || unbroken.change(v_call.seq, v_call.template, v_prompt, v_call.prompt);
    end if;
    if v_model <> v_call.model then
      v_about.event_type := 'model_changed';
      v_about.prompt_hash := null;
      v_about.model := v_call.model;
      v_told := v_told || v_about;
      v_details := v_details || unbroken.change(v_call.seq, v_call.template, v_model, v_call.model);
    end if;
    insert into agents as a values (p_log, v_call.agent_id, v_call.agent_version, v_call.template, v_call.prompt, v_call.model, v_call.seq)
    on conflict (log, agent_id, agent_version, template) do update
       set prompt = coalesce(excluded.prompt, a.prompt), model = coalesce(excluded.model, a.model), seq = excluded.seq
     where excluded.prompt <> a.prompt or excluded.model <> a.model
        or a.prompt is null and excluded.prompt is not null or a.model is null and excluded.model is not null;
  end loop;
  if v_told <> '{}' then
    perform unbroken.append_told(p_log, v_told, v_details);
  end if;
end $$;

create or replace function unbroken.change(p_seq bigint, p_template text, p_from text, p_to text) returns jsonb
language sql immutable parallel safe set search_path = unbroken, pg_temp as $$
select jsonb_strip_nulls(jsonb_build_object('from', p_from, 'to', p_to, 'seq', p_seq, 'template', nullif(p_template, '')))
$$;
