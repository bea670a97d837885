-- After a restore what was erased since the backup is back. People read on a server, and a time line of it, that is known: on
-- another one only after the erasures that stand in the ledger outside were done again.

-- What this is the data of: a server, its time line, and the table that a dump makes anew where it is loaded. The time line is
-- that of what is being written, as the control file tells of a new one minutes after a standby took over.
create or replace function unbroken.this_server(out system_identifier bigint, out timeline integer, out relation oid)
language plpgsql volatile set search_path = unbroken, pg_temp as $$
begin
  system_identifier := (select s.system_identifier from pg_control_system() s);
  timeline := case when pg_is_in_recovery() then (select c.timeline_id from pg_control_checkpoint() c)
                   else ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer end;
  relation := 'unbroken.recoveries'::regclass;
end $$;

create or replace function unbroken.is_recovered(p_log integer) returns boolean
language plpgsql volatile set search_path = unbroken, pg_temp as $$
begin
  return exists (
    select from recoveries r, unbroken.this_server() s
     where (r.log, r.system_identifier, r.timeline, r.relation) = (p_log, s.system_identifier, s.timeline, s.relation));
end $$;

-- What waits for a second person may have been withdrawn since the backup was made, and a hold been issued: on a server that was
-- restored nothing is decided or destroyed before.
create or replace function unbroken.require_recovered(p_log integer) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if not unbroken.is_recovered(p_log) then
    raise exception 'this server was restored, or took over from another: `unbroken recover` comes first' using errcode = 'UB009';
  end if;
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
  select s.* into v_now from unbroken.this_server() s;
  v_seq := unbroken.append_own(v_log, 'log.restored', jsonb_build_object(
    'system_identifier', v_now.system_identifier::text, 'timeline', v_now.timeline, 'relation', v_now.relation::bigint,
    'erasures', (select count(*) from erasures e where e.log = v_log and e.done_seq is not null)));
  insert into recoveries (log, system_identifier, timeline, relation, seq)
  values (v_log, v_now.system_identifier, v_now.timeline, v_now.relation, v_seq);
  return v_seq;
end $$;

-- Does an erasure of the ledger again: keys and mapping at once, the rest by erase_batch. For the owner, who has just restored
-- a backup. Null where this database has done it already, or knows that it was withdrawn before it began. What a hold keeps stays
-- as a whole, until it is over.
create or replace function unbroken.reapply_erasure(
  p_log text, p_erasure uuid, p_subjects text[], p_keys text[], p_with_acted boolean, p_upto timestamptz, p_order text
) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_named(p_log);
  v_known unbroken.erasures;
  v_keys text[];
  v_held bigint;
  v_seq bigint;
begin
  if v_log is null then
    raise exception 'there is no such log' using errcode = 'UB003';
  end if;
  perform unbroken.lock_holds(v_log);
  select e.* into v_known from erasures e where e.log = v_log and e.erasure = p_erasure for update;
  if v_known.done_seq is not null or v_known.withdrawn_seq is not null then
    return null;
  end if;
  if v_known.begun_seq is not null then
    return v_known.begun_seq;
  end if;
  v_seq := unbroken.append_own(v_log, 'log.erasure_reapplied', jsonb_build_object('erasure', p_erasure, 'order', p_order));
  if v_known.erasure is null then
    insert into erasures (log, erasure, basis, subjects, with_acted) values (v_log, p_erasure, 'ledger', p_subjects, p_with_acted);
  else
    update erasures e
       set basis = 'ledger', subjects = array(select u.id collate "C" from unnest(e.subjects || p_subjects) as u (id) group by 1 order by 1)
     where e.log = v_log and e.erasure = p_erasure;
  end if;
  update erasures set upto_at = p_upto where log = v_log and erasure = p_erasure returning * into v_known;
  perform unbroken.lock_people(v_log, true);
  v_keys := unbroken.keys_of_person(v_log, v_known.subjects, p_upto) || p_keys;
  v_held := unbroken.held_of_person(v_log, v_known.subjects, p_with_acted, p_upto, v_keys);
  if v_held > 0 then
    raise exception 'a legal hold keeps % of the entries that this erasure is about: nothing was destroyed', v_held using errcode = 'UB014';
  end if;
  return unbroken.destroy_keys(v_log, p_erasure, p_order, v_keys);
end $$;
