-- The line of an entry, as hashed. A convenience for readers: a verifier computes it anew and believes none of this.
create or replace function unbroken.line(e unbroken.entries) returns text
language sql stable set search_path = unbroken, pg_temp as $$
select '{"event":' || e.event
    || ',"log":' || to_json((select l.origin || '~' || l.incarnation from unbroken.logs l where l.log = e.log))
    || ',"prev_hash":"' || encode(e.prev_hash, 'hex') || '"'
    || coalesce(',"principal":' || to_json(e.principal), '')
    || ',"recorded_at":"' || to_char(e.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"'
    || ',"seq":' || e.seq
    || coalesce(',"session_seq":' || e.session_seq, '')
    || ',"v":1,"writer":' || to_json(e.writer) || '}'
$$;
