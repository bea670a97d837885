-- The log's own entries (log.*), which no recorder can write: made by the functions that do what they tell of.

-- 32 bytes out of 366 random bits; there is no other source of them in a server without extensions.
create or replace function unbroken.random_bytes() returns bytea
language sql volatile set search_path = unbroken, pg_temp as $$
  select sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
$$;

-- The SHA-256 of a text in UTF-8, in hex.
create or replace function unbroken.sha256_of(p_text text) returns text
language sql immutable parallel safe set search_path = unbroken, pg_temp as $$
  select encode(sha256(convert_to(p_text, 'UTF8')), 'hex')
$$;

-- A time as lines and details have it.
create or replace function unbroken.time_text(p_time timestamptz) returns text
language sql stable set search_path = unbroken, pg_temp as $$
  select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
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

-- Entries of the log's own, in order, whose actor is the login that led to them: of each the event as far as it is known, and
-- its details. Returns the first one's number. What is done with an incarnation that is closed is told in the newest, under its name.
create or replace function unbroken.append_told(p_log integer, p_events unbroken.event[], p_details jsonb[]) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  n         constant int := cardinality(p_events);
  v_writer  constant text := unbroken.caller();
  v_log     constant int := unbroken.newest_of(p_log);
  v_about   constant jsonb := case when v_log = p_log then '{}' else jsonb_build_object('log', unbroken.full_name(p_log)) end;
  v_events  unbroken.event[]; v_texts text[]; v_details text[]; v_salts bytea[];
  v_place   record;
begin
  -- What these entries tell of may be acted on at once, so they are on disk first, whatever the login has set.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  for i in 1..n loop
    v_details[i] := unbroken.canonical(p_details[i] || v_about);
    v_salts[i] := unbroken.random_bytes();
    v_events[i] := p_events[i];
    v_events[i].actor_id := session_user;
    v_events[i].actor_type := 'system';
    v_events[i].id := coalesce(v_events[i].id, gen_random_uuid());
    v_events[i].ts := unbroken.time_text(clock_timestamp());
    v_events[i].details := encode(sha256(v_salts[i] || convert_to(v_details[i], 'UTF8')), 'hex');
    v_texts[i] := unbroken.event_text(v_events[i]);
  end loop;
  select * into v_place
    from unbroken.chain(v_log, v_writer, null, v_texts, (select array_agg(e.id) from unnest(v_events) as e), array_fill(null::text, array[n]));
  insert into entries (log, seq, recorded_at, writer, prev_hash, hash, event, id, event_type, actor_id, agent_id)
  select v_log, v_place.first_seq + i - 1, v_place.recorded_at, v_writer, v_place.prev_hashes[i], v_place.hashes[i], v_texts[i],
         v_events[i].id, v_events[i].event_type, v_events[i].actor_id, v_events[i].agent_id
    from generate_series(1, n) as i;
  insert into payloads (log, seq, details, details_salt)
  select v_log, v_place.first_seq + i - 1, v_details[i], v_salts[i] from generate_series(1, n) as i;
  return v_place.first_seq;
end $$;

-- One entry. Returns its number.
create or replace function unbroken.append_own(p_log integer, p_type text, p_details jsonb, p_id uuid default null) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_event unbroken.event;
begin
  v_event.event_type := p_type;
  v_event.id := p_id;
  return unbroken.append_told(p_log, array[v_event], array[p_details]);
end $$;
