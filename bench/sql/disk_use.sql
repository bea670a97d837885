-- Bytes of the heap (with its maps and its TOAST table) and of the indexes, by what they are for.
select coalesce(sum(pg_table_size(c.oid)) filter (where c.relname like 'entries_%'), 0)::bigint,
       coalesce(sum(pg_indexes_size(c.oid)) filter (where c.relname like 'entries_%'), 0)::bigint,
       coalesce(sum(pg_total_relation_size(c.oid)) filter (where c.relname = 'event_ids'), 0)::bigint,
       coalesce(sum(pg_total_relation_size(c.oid)) filter (where c.relname = 'sessions'), 0)::bigint,
       coalesce(sum(pg_total_relation_size(c.oid)) filter (where c.relname like 'payloads_%'), 0)::bigint
  from pg_class c
 where c.relnamespace = 'unbroken'::regnamespace and c.relkind = 'r'
