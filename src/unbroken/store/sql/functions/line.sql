-- The line of an entry, as hashed. A convenience for readers: a verifier computes it anew and believes none of this.
create or replace function unbroken.line(e unbroken.entries) returns text
language sql stable set search_path = unbroken, pg_temp
return '{"event":' || e.event
    || ',"log":' || to_json((select l.origin || '~' || l.incarnation from unbroken.logs l where l.log = e.log))
    || ',"prev_hash":"' || encode(e.prev_hash, 'hex') || '"'
    || coalesce(',"principal":' || to_json(e.principal), '')
    || ',"recorded_at":"' || to_char(e.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || '"'
    || ',"seq":' || e.seq
    || coalesce(',"session_seq":' || e.session_seq, '')
    || ',"v":1,"writer":' || to_json(e.writer) || '}';

-- The payload of one entry for whoever reads the views: as it is for verifiers, "[withheld]" for everybody else.
create or replace function unbroken.payload_for_reader(p_log integer, p_seq bigint)
returns table (inputs json, outputs json, details json)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_open constant boolean := pg_has_role(session_user, 'unbroken_verifier', 'member');
  v_shut constant json := '"[withheld]"';
begin
  return query
  select case when p.inputs is null then null when v_open then p.inputs::json else v_shut end,
         case when p.outputs is null then null when v_open then p.outputs::json else v_shut end,
         case when p.details is null then null when v_open then p.details::json else v_shut end
    from payloads p where p.log = p_log and p.seq = p_seq;
end $$;
