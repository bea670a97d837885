-- The log's own entries (log.*), which no recorder can write: made by the functions that do what they tell of.

-- 32 bytes out of 366 random bits; there is no other source of them in a server without extensions.
create or replace function unbroken.random_bytes() returns bytea
language sql volatile set search_path = unbroken, pg_temp as $$
  select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
$$;

-- RFC 8785 text of a value without fractions: keys are ASCII, so bytewise order is the order of UTF-16.
create or replace function unbroken.canonical(p_value jsonb) returns text
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  return case jsonb_typeof(p_value)
    when 'object' then '{' || coalesce((select string_agg(to_json(e.key) || ':' || unbroken.canonical(e.value), ',' order by e.key collate "C")
                                          from jsonb_each(p_value) e), '') || '}'
    when 'array' then '[' || coalesce((select string_agg(unbroken.canonical(e.value), ',' order by e.nth)
                                         from jsonb_array_elements(p_value) with ordinality as e (value, nth)), '') || ']'
    else p_value::text
  end;
end $$;

-- One entry whose actor is the login that asked for it. Returns its number.
create or replace function unbroken.append_own(p_log integer, p_type text, p_details jsonb, p_id uuid default null) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_writer  constant text := unbroken.caller();
  v_details constant text := unbroken.canonical(p_details);
  v_salt    constant bytea := unbroken.random_bytes();
  v_event   unbroken.event;
  v_text    text;
  v_place   record;
begin
  -- What this entry tells of may be acted on at once, so it is on disk first, whatever the login has set.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  v_event.actor_id := session_user;
  v_event.actor_type := 'system';
  v_event.event_type := p_type;
  v_event.id := coalesce(p_id, gen_random_uuid());
  v_event.ts := to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');
  v_event.details := encode(sha256(v_salt || convert_to(v_details, 'UTF8')), 'hex');
  v_text := unbroken.event_text(v_event);
  select * into v_place from unbroken.chain(p_log, v_writer, null, array[v_text], array[v_event.id], array[null::text]);
  insert into entries (log, seq, recorded_at, writer, prev_hash, hash, event, id, event_type, actor_id)
  values (p_log, v_place.first_seq, v_place.recorded_at, v_writer, v_place.prev_hashes[1], v_place.hashes[1], v_text,
          v_event.id, v_event.event_type, v_event.actor_id);
  insert into payloads (log, seq, details, details_salt) values (p_log, v_place.first_seq, v_details, v_salt);
  return v_place.first_seq;
end $$;
