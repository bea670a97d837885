-- Partitions of entries, payloads and originals: 2^20 entries each, attached by append itself, so no job and no clock is needed.

-- CREATE TABLE LIKE and ATTACH block neither readers nor writers, unlike PARTITION OF. A partition inherits row triggers
-- and their mode, but neither the ones for TRUNCATE nor row security, nor that of some columns ANALYZE may keep no samples.
-- It has no policy: nobody reads one by itself.
create or replace function unbroken.attach_partition(p_log integer, p_number bigint) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_parent text; v_child text; v_columns text;
begin
  foreach v_parent in array array['entries', 'originals', 'payloads'] loop
    v_child := format('%s_%s_%s', v_parent, p_log, p_number);
    continue when to_regclass('unbroken.' || v_child) is not null;
    execute format('create table unbroken.%I (like unbroken.%I including all)', v_child, v_parent);
    execute format('create trigger refuse_truncate before truncate on unbroken.%I execute function unbroken.refuse_change()', v_child);
    select coalesce(string_agg(format(', alter column %I set statistics 0', a.attname), '' order by a.attnum), '') into v_columns
      from pg_attribute a
     where a.attrelid = to_regclass('unbroken.' || v_parent) and a.attnum > 0 and a.attstattarget = 0;
    -- In one command, as the guard looks at the whole schema after each.
    execute format('alter table unbroken.%I enable row level security, force row level security, enable always trigger refuse_truncate%s',
                   v_child, v_columns);
    execute format('alter table unbroken.%I attach partition unbroken.%I for values from (%s, %s) to (%s, %s)',
                   v_parent, v_child, p_log, (p_number << 20) + 1, p_log, ((p_number + 1) << 20) + 1);
  end loop;
end $$;

-- Whether so many entries from p_first on may need a partition: never while the one that holds the entry before them is less
-- than three quarters full.
create or replace function unbroken.is_near_end(p_first bigint, p_count integer) returns boolean
language sql immutable parallel safe as $$
select (p_first - 1) % (1 << 20) + p_count > 3 << 18 or p_first % (1 << 20) = 1
$$;

-- Called with the log's lock held, for a batch that ends at p_last. The next partition comes when the present one is three
-- quarters full; where another session's lock is in the way, a later append does it, unless it is needed now.
create or replace function unbroken.ensure_partitions(p_log integer, p_last bigint) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_now  constant bigint := (p_last - 1) >> 20;
  v_soon constant bigint := (p_last - 1 + (1 << 18)) >> 20;
  v_patience constant text := current_setting('lock_timeout');
begin
  if to_regclass(format('unbroken.payloads_%s_%s', p_log, v_now)) is null then
    perform unbroken.attach_partition(p_log, v_now);
  end if;
  if v_soon > v_now and to_regclass(format('unbroken.payloads_%s_%s', p_log, v_soon)) is null then
    begin
      perform set_config('lock_timeout', '500ms', true);
      perform unbroken.attach_partition(p_log, v_soon);
    exception when lock_not_available then
      null;
    end;
    perform set_config('lock_timeout', v_patience, true);
  end if;
end $$;
