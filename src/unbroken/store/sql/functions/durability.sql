-- Early release, for storage that is slow to flush: the log's lock is given up before the flush, and a receipt is good only
-- after unbroken.barrier(). Whoever signs or exports a head passes the barrier first, or a crash may take the head back.

create or replace function unbroken.append_early(
  p_log text, p_events text[],
  p_inputs text[], p_inputs_salts bytea[], p_outputs text[], p_outputs_salts bytea[], p_details text[], p_details_salts bytea[],
  p_principal text default null, p_originals bytea[] default null
) returns table (seq bigint, session_seq bigint, recorded_at timestamptz, prev_hash bytea, hash bytea)
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off as $$
begin
  return query
  select * from unbroken.append(p_log, p_events, p_inputs, p_inputs_salts, p_outputs, p_outputs_salts, p_details, p_details_salts, p_principal, p_originals);
  perform set_config('synchronous_commit', 'off', true);
end $$;

-- Once this is committed, all that was committed before it is on disk (and on the standbys that a commit waits for). With an
-- entry's number and hash it fails where that entry is not there: behind a pooler the server may have crashed since, and lost
-- it. The chain makes that one hash stand for everything before it.
create or replace function unbroken.barrier(p_log text default null, p_seq bigint default null, p_hash bytea default null) returns void
language plpgsql security definer set search_path = unbroken, pg_temp as $$
begin
  if p_hash is not null and not exists (select from entries e where e.log = unbroken.log_for_writer(p_log) and e.seq = p_seq and e.hash = p_hash) then
    raise exception 'what was recorded before this barrier is gone' using errcode = 'UB006';
  end if;
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  -- A commit that has written nothing is not flushed.
  perform pg_logical_emit_message(true, 'unbroken', 'barrier');
end $$;
