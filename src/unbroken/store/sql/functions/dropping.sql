-- What was deleted is gone when a vacuum has taken it out of its tables and their indexes, or when they were dropped: partitions that
-- have become empty. Deleting alone leaves every row where it was, and whoever still has an older snapshot sees it.

create or replace function unbroken.partition_name(p_part text, p_log integer, p_number bigint) returns text
language sql immutable as $$
  select p_part || '_' || p_log || '_' || p_number
$$;
create or replace function unbroken.partition_of(p_part text, p_log integer, p_number bigint) returns oid
language sql stable set search_path = unbroken, pg_temp as $$
  select to_regclass(format('unbroken.%I', unbroken.partition_name(p_part, p_log, p_number)))::oid
$$;

-- How often a table was vacuumed, as the server counts; zero where there is none.
create or replace function unbroken.vacuums_of(p_table oid) returns bigint
language sql volatile set search_path = unbroken, pg_temp as $$
  select case when p_table = 0 then 0 else pg_stat_get_vacuum_count(p_table) + pg_stat_get_autovacuum_count(p_table) end
$$;

-- Which vacuum of a table, by that count, is the first to begin after this moment. One that is at work now may have begun before
-- something was deleted, and counts when it ends: it is seen by its lock, which is looked for first.
create or replace function unbroken.next_vacuum_of(p_table oid) returns bigint
language plpgsql volatile set search_path = unbroken, pg_temp as $$
declare
  v_at_work boolean;
begin
  v_at_work := exists (
    select from pg_locks l
     where l.locktype = 'relation' and l.relation = p_table and l.mode = 'ShareUpdateExclusiveLock' and l.granted
       and l.database = (select d.oid from pg_database d where d.datname = current_database()));
  perform pg_stat_clear_snapshot();
  return unbroken.vacuums_of(p_table) + 1 + v_at_work::int;
end $$;

-- Whether the last vacuum of a table left nothing behind that is deleted and that some snapshot still sees. What ANALYZE puts in the
-- place of a vacuum's count is an estimate where it reads a part only.
create or replace function unbroken.is_clean(p_table oid) returns boolean
language sql volatile set search_path = unbroken, pg_temp as $$
  select p_table = 0 or pg_relation_size(p_table) = 0 or c.relpages > 0 and c.relallvisible >= c.relpages
      or pg_stat_get_dead_tuples(p_table) = 0
         and (c.relpages <= 300 * 100
              or coalesce(greatest(pg_stat_get_last_analyze_time(p_table), pg_stat_get_last_autoanalyze_time(p_table)), '-infinity')
                 <= greatest(pg_stat_get_last_vacuum_time(p_table), pg_stat_get_last_autovacuum_time(p_table)))
    from pg_class c where c.oid = case when p_table = 0 then 'unbroken.logs'::regclass::oid else p_table end
$$;

-- Called when all lots are through, in a transaction after the last of them: which vacuum of which tables there has to be.
create or replace function unbroken.note_emptied(p_log integer, p_disposal uuid) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  -- Or the count of what is deleted would come after the vacuum's own.
  perform pg_stat_force_next_flush();
  insert into disposal_places (log, disposal, number, part, heap, toast, file, vacuums, toast_vacuums, how, gone_at)
  select p_log, p_disposal, n.number, t.part, coalesce(c.oid, 0), coalesce(c.reltoastrelid, 0), coalesce(pg_relation_filenode(c.oid), 0),
         coalesce(unbroken.next_vacuum_of(c.oid), 0), coalesce(unbroken.next_vacuum_of(c.reltoastrelid), 0),
         case when c.oid is null then 'dropped' end, case when c.oid is null then clock_timestamp() end
    from (select distinct s.number
            from disposal_lots l, unnest(l.seqs) as r (r), generate_series((lower(r.r) - 1) >> 20, (upper(r.r) - 2) >> 20) as s (number)
           where l.log = p_log and l.disposal = p_disposal and l.payloads + l.originals > 0) as n
   cross join (values ('originals'), ('payloads')) as t (part)
    left join pg_class c on c.oid = unbroken.partition_of(t.part, p_log, n.number);
  update disposals d
     set emptied_at = clock_timestamp(), payloads = s.payloads, originals = s.originals, keys = s.keys, kept = s.kept
    from (select coalesce(sum(l.payloads), 0) as payloads, coalesce(sum(l.originals), 0) as originals, coalesce(sum(l.keys), 0) as keys,
                 coalesce(sum(l.kept), 0) as kept
            from disposal_lots l where l.log = p_log and l.disposal = p_disposal) as s
   where d.log = p_log and d.disposal = p_disposal;
end $$;

-- How what lay in a place went; null while some of it may be there.
create or replace function unbroken.way_gone(p_place unbroken.disposal_places) returns text
language plpgsql volatile set search_path = unbroken, pg_temp as $$
declare
  v_heap  constant oid := coalesce(unbroken.partition_of((p_place).part, (p_place).log, (p_place).number), 0);
  v_toast constant oid := coalesce((select c.reltoastrelid from pg_class c where c.oid = v_heap), 0);
begin
  if v_heap <> (p_place).heap then
    return 'dropped';
  end if;
  perform pg_stat_clear_snapshot();
  if not (unbroken.is_clean(v_heap) and unbroken.is_clean(v_toast)) then
    return null;
  end if;
  return case
    when pg_relation_filenode(v_heap) <> (p_place).file then 'rewritten'
    when unbroken.vacuums_of(v_heap) >= (p_place).vacuums
         and (v_toast <> (p_place).toast or v_toast = 0 or unbroken.vacuums_of(v_toast) >= (p_place).toast_vacuums) then 'vacuumed'
  end;
end $$;

-- Looks whether what was deleted is gone, and notes what is. True once all of it is.
create or replace function unbroken.note_gone(p_log text, p_disposal uuid) returns boolean
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_open constant unbroken.disposals := unbroken.disposal_in(v_log, p_disposal, array['emptied', 'gone', 'done']);
begin
  if v_open.gone_at is not null then
    return true;
  end if;
  update disposal_places p
     set how = w.how, gone_at = case when w.how is not null then clock_timestamp() end,
         -- A vacuum that was at work before may have ended since, and the count may have begun anew.
         vacuums = least(p.vacuums, unbroken.next_vacuum_of(p.heap)), toast_vacuums = least(p.toast_vacuums, unbroken.next_vacuum_of(p.toast))
    from (select o.number, o.part, unbroken.way_gone(o) as how
            from disposal_places o where o.log = v_log and o.disposal = p_disposal and o.gone_at is null) as w
   where p.log = v_log and p.disposal = p_disposal and p.number = w.number and p.part = w.part;
  if exists (select from disposal_places p where p.log = v_log and p.disposal = p_disposal and p.gone_at is null) then
    return false;
  end if;
  update disposals d set gone_at = clock_timestamp() where d.log = v_log and d.disposal = p_disposal;
  return true;
end $$;

-- Where it lay, how large that is in bytes, how it went, or what is waited for: that it is vacuumed, or, where it was, that whoever had
-- a snapshot from before ends. Nothing is waited for where the next look will find that it is gone.
create or replace function unbroken.gone_state(p_log text, p_disposal uuid)
returns table (number bigint, part text, partition text, size bigint, how text, gone_at timestamptz, waits_for text)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select p.number, p.part, unbroken.partition_name(p.part, v_log, p.number), coalesce(pg_total_relation_size(to_regclass('unbroken.' || unbroken.partition_name(p.part, v_log, p.number))), 0),
         p.how, p.gone_at,
         case when p.gone_at is not null or unbroken.way_gone(p) is not null then null
              when pg_relation_filenode(p.heap) <> p.file
                or unbroken.vacuums_of(p.heap) >= p.vacuums and unbroken.vacuums_of(p.toast) >= p.toast_vacuums then 'snapshot'
              else 'vacuum' end
    from disposal_places p where p.log = v_log and p.disposal = p_disposal order by p.number, p.part;
end $$;

-- Whether somebody uses these tables for longer than a moment. Told by two looks at who has them locked, as nothing is asked of the
-- server for that: to wait for one in a queue would have everybody behind wait too.
create or replace function unbroken.are_used_long(p_tables oid[]) returns boolean
language plpgsql volatile set search_path = unbroken, pg_temp as $$
declare
  v_before text[];
begin
  v_before := array(
    select l.virtualtransaction from pg_locks l
     where l.locktype = 'relation' and l.relation = any (p_tables) and l.granted and l.pid is distinct from pg_backend_pid()
       and l.database = (select d.oid from pg_database d where d.datname = current_database()));
  if v_before = '{}' then
    return false;
  end if;
  perform pg_sleep(0.05);
  return exists (
    select from pg_locks l
     where l.locktype = 'relation' and l.relation = any (p_tables) and l.granted and l.virtualtransaction = any (v_before)
       and l.pid is distinct from pg_backend_pid()
       and l.database = (select d.oid from pg_database d where d.datname = current_database()));
end $$;

-- Whether a partition can be dropped: appends are past it, and a vacuum has left no page of it, so that nobody sees anything in it,
-- whatever their snapshot. Nothing comes to it any more.
create or replace function unbroken.is_droppable(p_part text, p_log integer, p_number bigint) returns boolean
language plpgsql volatile set search_path = unbroken, pg_temp as $$
begin
  return coalesce(pg_relation_size(unbroken.partition_of(p_part, p_log, p_number)) = 0, false) and p_number < (unbroken.head_of(p_log) - 1) >> 20;
end $$;

-- Detaches a partition and drops it. The guard on definitions lets it be detached while it is empty, and dropped once it is detached.
create or replace function unbroken.drop_partition(p_log integer, p_number bigint, p_part text) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_child constant text := unbroken.partition_name(p_part, p_log, p_number);
begin
  execute format('alter table unbroken.%I detach partition unbroken.%I', p_part, v_child);
  execute format('drop table unbroken.%I', v_child);
end $$;

-- Drops what is empty of one number's partitions, one of them in a call, and waits for nobody: 'dropped' where nothing is left of
-- them, 'more' where another one is, 'in use', 'not empty', or 'newest' where appends may still come to them.
create or replace function unbroken.drop_empty(p_log text, p_number bigint) returns text
language plpgsql security definer set search_path = unbroken, pg_temp set lock_timeout = '100ms' as $$
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_part text;
begin
  if p_number is null or p_number < 0 or p_number >= (unbroken.head_of(v_log) - 1) >> 20 then
    return 'newest';
  end if;
  if unbroken.partition_of('originals', v_log, p_number) is null and unbroken.partition_of('payloads', v_log, p_number) is null then
    return 'dropped';
  end if;
  select t.part into v_part from (values ('originals'), ('payloads')) as t (part) where unbroken.is_droppable(t.part, v_log, p_number) limit 1;
  if not found then
    return 'not empty';
  end if;
  if unbroken.are_used_long(array[format('unbroken.%I', v_part)::regclass::oid, unbroken.partition_of(v_part, v_log, p_number)]) then
    return 'in use';
  end if;
  begin
    perform unbroken.drop_partition(v_log, p_number, v_part);
  exception when lock_not_available or deadlock_detected then
    return 'in use';
  end;
  return case when unbroken.partition_of('originals', v_log, p_number) is null and unbroken.partition_of('payloads', v_log, p_number) is null
              then 'dropped' else 'more' end;
end $$;
