-- What may be known of a log without a ticket: where it ends and how large it is, and nobody's rows.

create or replace function unbroken.log_head(p_log text) returns table (seq bigint, hash bytea, recorded_at timestamptz, now timestamptz)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select e.seq, e.hash, e.recorded_at, clock_timestamp() from entries e where e.log = v_log order by e.seq desc limit 1;
end $$;

-- Bytes on disk: of this log's partitions, and its share of the tables that all logs of the database have in common. WAL is
-- that of the whole server since the log was made, so an upper bound on a shared one.
create or replace function unbroken.log_size(p_log text)
returns table (entries bigint, payloads bigint, indexes bigint, wal bigint, partitions bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  with sized as (
    select c.relname, pg_total_relation_size(c.oid) as size
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'unbroken' and c.relkind = 'r'
  ), heads as (
    select l.log, coalesce((select e.seq from unbroken.entries e where e.log = l.log order by e.seq desc limit 1), 0) as seq from logs l
  )
  select coalesce(sum(s.size) filter (where starts_with(s.relname, 'entries_' || v_log || '_')), 0)::bigint,
         coalesce(sum(s.size) filter (where starts_with(s.relname, 'payloads_' || v_log || '_')), 0)::bigint,
         (coalesce(sum(s.size) filter (where s.relname in ('event_ids', 'sessions')), 0)
           * (select coalesce(sum(h.seq) filter (where h.log = v_log) / nullif(sum(h.seq), 0), 1) from heads h))::bigint,
         case when pg_is_in_recovery() then null
              else (select pg_wal_lsn_diff(pg_current_wal_lsn(), l.created_lsn) from logs l where l.log = v_log) end::bigint,
         count(*) filter (where starts_with(s.relname, 'entries_' || v_log || '_'))
    from sized s;
end $$;
