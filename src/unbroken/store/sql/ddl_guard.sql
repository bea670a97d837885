-- Extra protection where the installer is a superuser: nothing in the schema is altered, granted or dropped, by nobody, as
-- long as these event triggers stand. They look at state: after each command the catalog must be what it was when the
-- schema was sealed, but for partitions that are as they should be. A superuser can drop the triggers: that is detected
-- from outside, not prevented.
--
-- The guard runs with the installer's rights, so it finds names in pg_catalog alone: nothing that the schema's owner makes
-- may be called from here. What PostgreSQL says is translated, so only names are looked for in the call stack.
--
-- In a schema of its own, so that DROP SCHEMA unbroken CASCADE does not take the guard with it.
create schema if not exists unbroken_guard;
revoke all on schema unbroken_guard from public;
create table if not exists unbroken_guard.seal (state text not null);

-- Everything that defines the schema, as one text per fact. Partitions appear only where something is wrong with them;
-- one that is empty and not attached is about to be.
create or replace function unbroken_guard.facts() returns setof text
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  v_schema constant oid := to_regnamespace('unbroken');
  v_owner  constant oid := to_regrole('unbroken_owner');
  v_names  constant text := '^(entries|originals|payloads)_([0-9]+)_([0-9]+)$';
  v_part   record;
  v_held   boolean;
begin
  if v_schema is null then
    return next 'there is no schema unbroken';
    return;
  end if;

  return query
  with class as (
    select c.* from pg_class c where c.relnamespace = v_schema and not (c.relkind = 'r' and c.relname ~ v_names)
       and not exists (select from pg_index i join pg_class t on t.oid = i.indrelid
                        where i.indexrelid = c.oid and t.relkind = 'r' and t.relname ~ v_names)
  )
  select concat_ws(' ', 'schema', n.nspowner::regrole, n.nspacl, obj_description(n.oid, 'pg_namespace')) from pg_namespace n where n.oid = v_schema
  union all
  select concat_ws(' ', 'class', c.relname, c.relkind, c.relowner::regrole, c.relacl, c.relrowsecurity, c.relforcerowsecurity,
                   c.reloptions, c.relpersistence, c.relreplident, pg_get_viewdef(case when c.relkind = 'v' then c.oid end)) from class c
  union all
  select concat_ws(' ', 'column', c.relname, a.attnum, a.attname, a.atttypid::regtype, a.atttypmod, a.attnotnull, a.attcollation::regcollation,
                   a.attstorage, a.attcompression, a.attidentity, a.attgenerated, a.attisdropped, a.attacl, pg_get_expr(d.adbin, d.adrelid))
    from class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  union all
  select concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisunique)
    from class c join pg_index i on i.indexrelid = c.oid
  union all
  select concat_ws(' ', 'constraint', r.conname, r.conrelid::regclass, pg_get_constraintdef(r.oid))
    from pg_constraint r where r.conrelid in (select oid from class) or r.confrelid in (select oid from class)
  union all
  select concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled) from class c join pg_trigger t on t.tgrelid = c.oid
  union all
  select concat_ws(' ', 'rule', r.rulename, r.ev_enabled, c.relname)
    from pg_rewrite r join pg_class c on c.oid = r.ev_class where c.relnamespace = v_schema
  union all
  select concat_ws(' ', 'policy', p.polname, c.relname, p.polcmd, p.polpermissive, p.polroles::regrole[],
                   pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    from pg_policy p join pg_class c on c.oid = p.polrelid where c.relnamespace = v_schema
  union all
  select concat_ws(' ', 'function', p.oid::regprocedure, p.proowner::regrole, p.proacl, case when p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) end)
    from pg_proc p where p.pronamespace = v_schema
  union all
  select concat_ws(' ', 'type', t.typname, t.typowner::regrole, t.typacl, t.typtype)
    from pg_type t where t.typnamespace = v_schema and t.typrelid = 0 and t.typelem = 0
  union all
  select concat_ws(' ', 'cast', k.castsource::regtype, k.casttarget::regtype, k.castcontext)
    from pg_cast k join pg_type t on t.oid in (k.castsource, k.casttarget) where t.typnamespace = v_schema
  union all
  select concat_ws(' ', 'operator', o.oid::regoperator) from pg_operator o where o.oprnamespace = v_schema
  union all
  select concat_ws(' ', 'default', d.defaclnamespace::regnamespace, d.defaclobjtype, d.defaclacl)
    from pg_default_acl d where d.defaclrole = v_owner or d.defaclnamespace = v_schema
  union all
  select concat_ws(' ', 'child', i.inhrelid::regclass, i.inhparent::regclass)
    from pg_inherits i join pg_class p on p.oid = i.inhparent join pg_class c on c.oid = i.inhrelid
   where p.relnamespace = v_schema and p.relkind <> 'I' and not (c.relnamespace = v_schema and c.relname ~ v_names)
  union all
  select concat_ws(' ', 'published', r.prrelid::regclass)
    from pg_publication_rel r join pg_class c on c.oid = r.prrelid where c.relnamespace = v_schema;

  for v_part in
    select c.*, p.oid as parent, p.relacl as parent_acl, i.inhparent is not null as attached, m as number,
           pg_get_expr(c.relpartbound, c.oid) as bounds, p.relowner as parent_owner
      from pg_class c
     cross join lateral regexp_match(c.relname, v_names) m
      join pg_class p on p.relnamespace = v_schema and p.relname = m[1] and p.relkind = 'p'
      left join pg_inherits i on i.inhrelid = c.oid and i.inhparent = p.oid
     where c.relnamespace = v_schema and c.relkind = 'r'
  loop
    if not v_part.attached then
      execute format('select exists (select from unbroken.%I)', v_part.relname) into v_held;
      if v_held then
        return next v_part.relname || ' holds entries and is not attached';
      end if;
      continue;
    end if;
    if v_part.relowner <> v_part.parent_owner or v_part.relacl is not null or not v_part.relrowsecurity or not v_part.relforcerowsecurity
       or v_part.reloptions is not null or v_part.relpersistence <> 'p' then
      return next v_part.relname || ' has another owner, privileges or options than its parent';
    end if;
    if replace(v_part.bounds, '''', '') <> format('FOR VALUES FROM (%s, %s) TO (%s, %s)',
         v_part.number[2], (v_part.number[3]::bigint << 20) + 1, v_part.number[2], ((v_part.number[3]::bigint + 1) << 20) + 1) then
      return next v_part.relname || ' is attached for other numbers';
    end if;
    return query
    (select v_part.relname || ' lacks trigger ' || t.tgname from pg_trigger t where t.tgrelid = v_part.parent
      and not exists (select from pg_trigger o where o.tgrelid = v_part.oid and o.tgname = t.tgname and o.tgfoid = t.tgfoid
                         and o.tgtype = t.tgtype and o.tgenabled = 'A')
     union all
     select v_part.relname || ' has trigger ' || o.tgname from pg_trigger o where o.tgrelid = v_part.oid
      and not exists (select from pg_trigger t where t.tgrelid = v_part.parent and o.tgname = t.tgname)
     union all
     select v_part.relname || ' has other columns' where exists (
       (select a.attname, a.atttypid, a.attnotnull, a.attstorage, a.attcompression, a.attacl::text from pg_attribute a where a.attrelid = v_part.oid and a.attnum > 0)
       except
       (select a.attname, a.atttypid, a.attnotnull, a.attstorage, a.attcompression, null from pg_attribute a where a.attrelid = v_part.parent and a.attnum > 0))
     union all
     select v_part.relname || ' has other indexes' where
       (select count(*) from pg_index i where i.indrelid = v_part.oid and i.indisvalid)
       <> (select count(*) from pg_index i where i.indrelid = v_part.parent)
     union all
     select v_part.relname || ' has other constraints' where
       (select count(*) from pg_constraint r where r.conrelid = v_part.oid)
       <> (select count(*) from pg_constraint r where r.conrelid = v_part.parent));
  end loop;
end $$;

create or replace function unbroken_guard.state() returns text
language sql stable set search_path = pg_catalog, pg_temp
return (select encode(sha256(convert_to(coalesce(string_agg(fact, E'\n' order by fact collate "C"), ''), 'UTF8')), 'hex')
          from unbroken_guard.facts() as fact);

-- Runs with its owner's rights, which are the installer's: whoever gives the command need not be able to read the seal.
create or replace function unbroken_guard.refuse_ddl() returns event_trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_stack text;
  v_hit   boolean;
begin
  if tg_event = 'ddl_command_end' then
    get diagnostics v_stack = pg_context;
    -- What leaves no trace in the catalog; and a partition that is not attached, or dropped, in the same breath, which would
    -- only be in the way of the real one.
    select bool_or(c.schema_name = 'unbroken' and c.command_tag in ('ALTER SEQUENCE', 'COMMENT')) into v_hit
      from pg_event_trigger_ddl_commands() c;
    v_hit := v_hit or v_stack !~ '(attach_partition\(integer,bigint|drop_partition\(integer,bigint,text)\)' and exists (
      select from pg_class c where c.relnamespace = to_regnamespace('unbroken') and c.relkind = 'r' and not c.relispartition
         and c.relname ~ '^(entries|originals|payloads)_[0-9]+_[0-9]+$');
  else
    -- Detaching a partition takes its parent's triggers off it; only an empty one can be, as the facts say of what is there afterwards.
    -- So a partition that goes without them was empty, and no part of the log any more.
    with dropped as materialized (
      select d.object_type, d.object_identity from pg_event_trigger_dropped_objects() d
       where d.schema_name in ('unbroken', 'unbroken_guard') or d.object_identity in ('unbroken', 'unbroken_guard') or d.object_type = 'trigger'
    ), detached as (
      select d.object_identity as name from dropped d
       where d.object_type = 'table' and d.object_identity ~ '^unbroken[.](originals|payloads)_[0-9]+_[0-9]+$'
         and not exists (select from dropped t where t.object_type = 'trigger' and t.object_identity like '% on ' || d.object_identity
                            and t.object_identity <> 'refuse_truncate on ' || d.object_identity)
    )
    select bool_or(d.object_type <> 'trigger'
                   and not exists (select from detached t where d.object_identity ~ ('^' || t.name || '(\[\]|_[a-z_]+)?$')
                                                             or d.object_identity like '% on ' || t.name)) into v_hit
      from dropped d;
  end if;
  -- What a command that drops leaves is looked at when it ends.
  if v_hit or tg_event = 'ddl_command_end' and unbroken_guard.state() is distinct from (select s.state from unbroken_guard.seal s) then
    raise exception '% would change schema unbroken, and is refused: migrate with unbroken', tg_tag using errcode = 'UB011';
  end if;
end $$;
revoke all on all functions in schema unbroken_guard from public;

truncate unbroken_guard.seal;
insert into unbroken_guard.seal select unbroken_guard.state();

drop event trigger if exists unbroken_refuse_ddl;
drop event trigger if exists unbroken_refuse_drop;
create event trigger unbroken_refuse_ddl on ddl_command_end execute function unbroken_guard.refuse_ddl();
create event trigger unbroken_refuse_drop on sql_drop execute function unbroken_guard.refuse_ddl();
alter event trigger unbroken_refuse_ddl enable always;
alter event trigger unbroken_refuse_drop enable always;
