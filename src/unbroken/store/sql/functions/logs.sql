-- A new log, with its first partitions; gives back the one that is there when the origin is taken. For the owner.
create or replace function unbroken.create_log(p_origin text) returns integer
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_log integer;
begin
  insert into logs (origin) values (p_origin) on conflict do nothing;
  select l.log into strict v_log from logs l where l.origin = p_origin order by l.incarnation desc limit 1;
  if to_regclass(format('unbroken.entries_%s_0', v_log)) is null then
    perform unbroken.attach_partition(v_log, 0);
  end if;
  insert into pseudonym_keys values (v_log, unbroken.random_bytes()) on conflict do nothing;
  perform unbroken.prepare_retention(v_log);
  -- Nothing can have been erased from a log before it was there.
  insert into recoveries (log, system_identifier, timeline, relation)
  select v_log, s.* from unbroken.this_server() s where not exists (select from recoveries r where r.log = v_log);
  return v_log;
end $$;

-- What a recorder needs to know before it writes: the log's full name and whether schema and package fit together.
-- 'oldest' is the oldest recorder (by the newest migration it knows) that this schema still serves.
create or replace function unbroken.describe_log(p_log text) returns table (log text, writer text, migration integer, oldest integer)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_writer(p_log);
begin
  return query
  select l.origin || '~' || l.incarnation, unbroken.caller(), (select max(m.number) from migrations m), 1
    from logs l where l.log = v_log;
end $$;
