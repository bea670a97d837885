-- After a restore what was erased since the backup is back. People read on a server, and a time line of it, that is known: on
-- another one only after the erasures that stand in the ledger outside were done again.

create or replace function unbroken.is_recovered(p_log integer) returns boolean
language plpgsql volatile set search_path = unbroken, pg_temp as $$
begin
  return exists (
    select from recoveries r, pg_control_system() s, pg_control_checkpoint() c
     where r.log = p_log and r.system_identifier = s.system_identifier and r.timeline = c.timeline_id);
end $$;

create or replace function unbroken.reads_are_open(p_log text) returns boolean
language plpgsql volatile security definer set search_path = unbroken, pg_temp as $$
begin
  return unbroken.is_recovered(unbroken.log_for_reader(p_log));
end $$;

-- Opens reading on this server. For the owner, when the ledger's erasures are done; null where it is open.
create or replace function unbroken.open_reads(p_log text) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_named(p_log);
  v_now record;
  v_seq bigint;
begin
  if v_log is null then
    raise exception 'there is no such log' using errcode = 'UB003';
  end if;
  if unbroken.is_recovered(v_log) then
    return null;
  end if;
  select s.system_identifier, c.timeline_id into v_now from pg_control_system() s, pg_control_checkpoint() c;
  v_seq := unbroken.append_own(v_log, 'log.restored', jsonb_build_object(
    'system_identifier', v_now.system_identifier::text, 'timeline', v_now.timeline_id,
    'erasures', (select count(*) from erasures e where e.log = v_log and e.done_seq is not null)));
  insert into recoveries (log, system_identifier, timeline, seq) values (v_log, v_now.system_identifier, v_now.timeline_id, v_seq);
  return v_seq;
end $$;

-- Does an erasure of the ledger again: keys and mapping at once, the rest by erase_batch. For the owner, who has just restored
-- a backup. Null where this database has done it already.
create or replace function unbroken.reapply_erasure(
  p_log text, p_erasure uuid, p_subjects text[], p_keys text[], p_with_acted boolean, p_upto timestamptz, p_order text
) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_named(p_log);
  v_known unbroken.erasures;
  v_seq bigint;
begin
  if v_log is null then
    raise exception 'there is no such log' using errcode = 'UB003';
  end if;
  select e.* into v_known from erasures e where e.log = v_log and e.erasure = p_erasure for update;
  if v_known.done_seq is not null then
    return null;
  end if;
  if v_known.begun_seq is not null then
    return v_known.begun_seq;
  end if;
  v_seq := unbroken.append_own(v_log, 'log.erasure_reapplied', jsonb_build_object('erasure', p_erasure, 'order', p_order));
  if v_known.erasure is null then
    insert into erasures (log, erasure, basis, subjects, with_acted) values (v_log, p_erasure, 'ledger', p_subjects, p_with_acted);
  else
    update erasures set basis = 'ledger' where log = v_log and erasure = p_erasure;
  end if;
  update erasures set upto_at = p_upto where log = v_log and erasure = p_erasure;
  return unbroken.destroy_keys(v_log, p_erasure, p_order, p_keys);
end $$;
