-- What `unbroken db check` asks, each statement under its name. Sent by the client: nothing in the database is believed
-- but the catalogues themselves. Run with the settings of `steady`, so that one thing is printed in one way.

-- name: steady
-- For one transaction. Whoever owns the database or the login could have set any of these.
set local search_path = pg_catalog, pg_temp; set local quote_all_identifiers = off; set local intervalstyle = postgres;
set local datestyle = iso; set local timezone = utc; set local bytea_output = hex; set local extra_float_digits = 1;
set local standard_conforming_strings = on; set local jit = off; set local transaction_read_only = on

-- name: patience
select set_config('statement_timeout', %s, true)

-- name: facts
-- Everything that defines a schema: the check that looks at it, the object, the property and its value. Values don't
-- depend on the server's version, but for expressions, which versions print differently. No NOT NULL constraints (18
-- lists them), no storage and compression (the build decides), no MAINTAIN of an owner (from 17), no order of the columns of
-- partitions (it depends on when they were made). Only what belongs to the checks that are asked for, if any are, is looked at.
with space as (
  select n.* from pg_namespace n where n.nspname = %(schema)s
),
part as (  -- partitions by their names, whether they are attached or not
  select c.oid, m[1] as parent, m[2]::numeric as log, m[3]::numeric as number
    from pg_class c join space n on n.oid = c.relnamespace
   cross join lateral regexp_match(c.relname, '^(entries|originals|payloads)_([0-9]+)_([0-9]+)$') m
   where m is not null and c.relkind not in ('i', 'I')
),
class as (
  select c.*, c.oid::regclass::text as name,
         case c.relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view' when 'm' then 'materialized view'
                        when 'S' then 'sequence' when 'f' then 'foreign table' when 'c' then 'type' else c.relkind::text end
           || ' ' || c.oid::regclass as object
    from pg_class c join space n on n.oid = c.relnamespace
   where c.relkind not in ('i', 'I')
),
routine as (
  select p.*, case p.prokind when 'p' then 'procedure ' when 'a' then 'aggregate ' else 'function ' end || p.oid::regprocedure as object
    from pg_proc p join space n on n.oid = p.pronamespace
),
sort as (  -- types that are not just the row of a table or the array of another type
  select t.*, 'type ' || t.oid::regtype as object
    from pg_type t join space n on n.oid = t.typnamespace left join pg_class c on c.oid = t.typrelid
   where (c.oid is null or c.relkind = 'c') and not exists (select from pg_type e where e.typarray = t.oid)
),
privileged as (  -- object, column, owner, what it has, how many privileges its owner has of its own
  select 'schema ' || quote_ident(nspname) as object, null as column_name, nspowner as owner, coalesce(nspacl, acldefault('n', nspowner)) as acl from space
  union all
  select object, null, relowner, coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)) from class where relkind <> 'c'
  union all
  select c.object, quote_ident(a.attname), c.relowner, a.attacl from class c join pg_attribute a on a.attrelid = c.oid where a.attacl is not null
  union all
  select object, null, proowner, coalesce(proacl, acldefault('f', proowner)) from routine
  union all
  select object, null, typowner, coalesce(typacl, acldefault('T', typowner)) from sort
  union all
  select 'default privileges of ' || d.defaclrole::regrole || coalesce(' in schema ' || nullif(d.defaclnamespace, 0)::regnamespace, ''),
         case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas' else d.defaclobjtype::text end,
         d.defaclrole, d.defaclacl
    from pg_default_acl d
   where d.defaclnamespace in (select oid from space) or d.defaclnamespace = 0 and d.defaclrole in (select nspowner from space)
),
fact (name, object, property, value) as (
  select 'owners', 'schema ' || quote_ident(nspname), 'owner', nspowner::regrole::text from space
  union all
  select 'owners', object, 'owner', relowner::regrole::text from class where relkind <> 'c'
  union all
  select 'owners', object, 'owner', proowner::regrole::text from routine
  union all
  select 'owners', object, 'owner', typowner::regrole::text from sort
  union all
  select 'tables', object, 'kind', concat_ws(', ', case relkind when 'r' then 'plain' when 'p' then 'partitioned' end,
           case relpersistence when 'p' then 'permanent' when 'u' then 'unlogged' else 'temporary' end,
           case when relreplident <> 'd' then 'replica identity ' || relreplident::text end, array_to_string(reloptions, ', '))
    from class where relkind not in ('v', 'c', 'S')
  union all
  select 'tables', object, 'kind', format_type(s.seqtypid, null) || ' from ' || s.seqstart || ' by ' || s.seqincrement || ', '
           || s.seqmin || ' to ' || s.seqmax || case when s.seqcycle then ', again and again' else '' end
    from class c join pg_sequence s on s.seqrelid = c.oid
  union all
  select 'tables', c.object, 'column ' || quote_ident(a.attname),
         concat_ws(' ', case when p.oid is null then a.attnum || ':' end, format_type(a.atttypid, a.atttypmod),
           case when a.attcollation <> 0 then 'collate ' || a.attcollation::regcollation end,
           case when a.attnotnull and not exists (
             select from pg_constraint r where r.conrelid = c.oid and r.contype = 'n' and r.conkey = array[a.attnum] and not r.convalidated)
             then 'not null' end,
           case a.attidentity when 'a' then 'identity always' when 'd' then 'identity by default' end,
           case when a.attgenerated <> '' then 'generated ' || a.attgenerated::text end,
           'default ' || pg_get_expr(d.adbin, d.adrelid))
    from class c join pg_attribute a on a.attrelid = c.oid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    left join part p on p.oid = c.oid
   where a.attnum > 0 and c.relkind <> 'S'
  union all
  select 'tables', c.object, 'index ' || quote_ident(coalesce(p.relname, x.relname)),
         concat_ws(' ', case when i.indisunique then 'unique' end, case when i.indnullsnotdistinct then 'nulls not distinct' end,
           substring(pg_get_indexdef(i.indexrelid) from ' (USING .*)$'),
           case when not (i.indisvalid and i.indisready and i.indislive) then '(not in use)' end)
    from class c join pg_index i on i.indrelid = c.oid join pg_class x on x.oid = i.indexrelid
    left join pg_inherits h on h.inhrelid = x.oid left join pg_class p on p.oid = h.inhparent
  union all
  select 'tables', c.object, 'constraint ' || quote_ident(coalesce(p.conname, r.conname)),
         concat_ws(' ', pg_get_constraintdef(r.oid), (
           select '(not enforced)' from pg_trigger t where t.tgconstraint = r.oid and t.tgisinternal and t.tgenabled <> 'O' limit 1))
    from class c join pg_constraint r on r.conrelid = c.oid left join pg_constraint p on p.oid = r.conparentid
   where r.contype in ('c', 'p', 'u', 'f', 'x')
  union all
  select 'functions', object, 'kind', concat_ws(', ', l.lanname, nullif(pg_get_function_arguments(p.oid), ''), 'returns ' || pg_get_function_result(p.oid),
           case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
           case p.proparallel when 's' then 'parallel safe' when 'r' then 'parallel restricted' end,
           case when p.proisstrict then 'strict' end, case when p.proleakproof then 'leakproof' end,
           case when p.prosupport <> 0 then 'support ' || p.prosupport end)
    from routine p join pg_language l on l.oid = p.prolang
  union all
  select 'functions', object, 'runs as', case when prosecdef then 'its owner' else 'its caller' end from routine
  union all
  select 'functions', object, 'setting ' || split_part(s, '=', 1), substr(s, strpos(s, '=') + 1) from routine cross join unnest(proconfig) s
  union all
  select 'functions', object, 'body', 'sha256 ' || encode(sha256(convert_to(
           coalesce(pg_get_function_sqlbody(oid), prosrc || coalesce(' in ' || probin, '')), 'UTF8')), 'hex')
    from routine
  union all
  select 'tables', object, 'kind', case t.typtype when 'c' then 'composite' else t.typtype::text || ' ' || format_type(t.typbasetype, t.typtypmod) end
    from sort t
  union all
  select 'views', object, 'options', coalesce((select string_agg(o, ', ' order by o collate "C") from unnest(reloptions) o), 'none')
    from class where relkind = 'v'
  union all
  select 'views', object, 'definition', 'sha256 ' || encode(sha256(convert_to(pg_get_viewdef(oid), 'UTF8')), 'hex')
    from class where relkind in ('v', 'm')
  union all
  select 'row_security', object, 'row security', case when relrowsecurity and relforcerowsecurity then 'enabled and forced'
           when relrowsecurity then 'enabled, not forced' when relforcerowsecurity then 'forced, not enabled' else 'off' end
    from class where relkind in ('r', 'p')
  union all
  select 'row_security', c.object, 'policy ' || quote_ident(p.polname),
         concat_ws(' ', case when p.polpermissive then 'permissive' else 'restrictive' end,
           case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
           'to ' || (select string_agg(case r when 0 then 'PUBLIC' else r::regrole::text end, ', ' order by case r when 0 then 'PUBLIC' else r::regrole::text end collate "C") from unnest(p.polroles) r),
           'using (' || pg_get_expr(p.polqual, p.polrelid) || ')', 'check (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
    from class c join pg_policy p on p.polrelid = c.oid
  union all
  select 'triggers', c.object, 'trigger ' || quote_ident(t.tgname),
         case t.tgenabled when 'A' then 'always: ' when 'O' then 'not as replica: ' when 'R' then 'only as replica: ' else 'disabled: ' end
           || replace(substring(pg_get_triggerdef(t.oid) from ' ((BEFORE|AFTER|INSTEAD OF) .*)$'), ' ON ' || c.name, '')
    from class c join pg_trigger t on t.tgrelid = c.oid where not t.tgisinternal or t.tgparentid <> 0
  union all
  select 'triggers', c.object, 'rule ' || quote_ident(r.rulename),
         case r.ev_enabled when 'A' then 'always' when 'O' then 'not as replica' when 'R' then 'only as replica' else 'disabled' end
    from class c join pg_rewrite r on r.ev_class = c.oid where c.relkind not in ('v', 'm') or r.rulename <> '_RETURN'
  union all
  select 'partitions', c.object, 'attached',
         case when i.inhparent is null then 'no'
              when i.inhparent = to_regclass(quote_ident(n.nspname) || '.' || p.parent) and not i.inhdetachpending
                   and replace(pg_get_expr(c.relpartbound, c.oid), '''', '') = format('FOR VALUES FROM (%%s, %%s) TO (%%s, %%s)',
                         p.log, p.number * 1048576 + 1, p.log, (p.number + 1) * 1048576 + 1)
              then 'for the numbers of its name'
              else concat_ws(' ', 'to', i.inhparent::regclass, pg_get_expr(c.relpartbound, c.oid), case when i.inhdetachpending then '(being detached)' end) end
    from space n cross join class c join part p on p.oid = c.oid left join pg_inherits i on i.inhrelid = c.oid
  union all
  select 'strangers', c.object, 'child ' || i.inhrelid::regclass, 'hangs on it'
    from class c join pg_inherits i on i.inhparent = c.oid where i.inhrelid not in (select oid from part)
  union all
  select 'strangers', c.object, 'parent ' || i.inhparent::regclass, 'stands above it'
    from class c join pg_inherits i on i.inhrelid = c.oid where i.inhparent not in (select oid from class)
  union all
  select 'strangers', c.object, 'foreign key ' || quote_ident(r.conname) || ' of ' || r.conrelid::regclass, 'refers to it'
    from class c join pg_constraint r on r.confrelid = c.oid where r.conrelid not in (select oid from class) and r.contype = 'f'
  union all
  select 'privileges', object, coalesce(case when object like 'default%%' then column_name || ' for ' else 'column ' || column_name || ' for ' end, '')
           || case grantee when 0 then 'PUBLIC' else grantee::regrole::text end,
         string_agg(privilege_type || case when is_grantable then ' with grant option' else '' end
                      || case when grantor <> owner then ' by ' || grantor::regrole else '' end, ', ' order by privilege_type collate "C", grantor)
    from privileged cross join lateral aclexplode(acl) where not (grantee = owner and privilege_type = 'MAINTAIN')
   group by object, column_name, grantee
  union all
  select 'strangers', 'cast (' || k.castsource::regtype || ' as ' || k.casttarget::regtype || ')', 'kind', 'cast'
    from pg_cast k where exists (select from pg_type t join space n on n.oid = t.typnamespace where t.oid in (k.castsource, k.casttarget))
      or exists (select from routine p where p.oid = k.castfunc)
  union all
  select 'strangers', 'operator ' || o.oid::regoperator, 'kind', 'operator'
    from pg_operator o where o.oprnamespace in (select oid from space) or o.oprcode in (select oid from routine)
  union all
  select 'strangers', kind || ' ' || quote_ident(o.name), 'kind', kind
    from space n join (
      select 'operator class' as kind, opcname::text as name, opcnamespace as space from pg_opclass
      union all select 'operator family', opfname, opfnamespace from pg_opfamily
      union all select 'collation', collname, collnamespace from pg_collation
      union all select 'conversion', conname, connamespace from pg_conversion
      union all select 'statistics', stxname, stxnamespace from pg_statistic_ext
      union all select 'text search configuration', cfgname, cfgnamespace from pg_ts_config
      union all select 'text search dictionary', dictname, dictnamespace from pg_ts_dict
      union all select 'text search parser', prsname, prsnamespace from pg_ts_parser
      union all select 'text search template', tmplname, tmplnamespace from pg_ts_template
      union all select 'extension', extname, extnamespace from pg_extension
    ) o on o.space = n.oid
)
select name, object, property, value from fact where %(checks)s::text[] is null or name = any (%(checks)s)

-- name: guards
-- The event triggers, as facts. Their owner is a superuser, whatever its name.
with guard as (
  select e.*, 'event trigger ' || quote_ident(e.evtname) as object, o.rolname, o.rolsuper
    from pg_event_trigger e join pg_roles o on o.oid = e.evtowner join pg_proc p on p.oid = e.evtfoid
   where e.evtname ~ '^unbroken' or p.pronamespace = to_regnamespace('unbroken_guard')
)
select 'guards', object, 'runs', case evtenabled when 'A' then 'always' when 'O' then 'not as replica' when 'R' then 'only as replica' else 'never' end
         || ' on ' || evtevent || coalesce(' for ' || array_to_string(evttags, ', '), '') from guard
union all
select 'guards', object, 'function', evtfoid::regprocedure::text from guard
union all
select 'guards', object, 'owner', case when rolsuper then 'a superuser' else quote_ident(rolname) end from guard

-- name: superusers
select quote_ident(rolname) from pg_roles where rolsuper

-- name: schema_comment
select to_regnamespace('unbroken') is not null, obj_description(to_regnamespace('unbroken'), 'pg_namespace')

-- name: whose
-- Whether this login is a superuser, and whether row security narrows which grants it sees.
select r.rolsuper, coalesce(row_security_active(to_regclass('unbroken.grants')), false)
  from pg_roles r where r.rolname = current_user

-- name: log_numbers
select log from unbroken.logs

-- name: roles
-- The groups, all that stand in a membership, and who may make memberships.
select r.rolname::text, r.oid < 16384, r.rolcanlogin, r.rolsuper, r.rolbypassrls, r.rolreplication, r.rolcreaterole, r.rolcreatedb
  from pg_roles r
 where r.rolname = any (%(groups)s) or r.rolname = any (%(logins)s) or r.rolcreaterole
    or exists (select from pg_auth_members m where r.oid in (m.roleid, m.member))

-- name: memberships
-- Before 16 membership itself is what lets a login inherit and act as the role.
select r.rolname::text, m.rolname::text, bool_or(a.admin_option),
       bool_or(coalesce((to_jsonb(a) ->> 'inherit_option')::boolean, true) or coalesce((to_jsonb(a) ->> 'set_option')::boolean, true))
  from pg_auth_members a join pg_roles r on r.oid = a.roleid join pg_roles m on m.oid = a.member
 group by 1, 2

-- name: grants
-- Those in force, of the logs that this login may see.
select l.origin || '~' || l.incarnation, g.login, g.duty, exists (select from pg_roles r where r.rolname = g.login)
  from unbroken.grants g join unbroken.logs l on l.log = g.log
 where g.revoked_at is null
 order by 1, 2, 3

-- name: parameters
-- Each: severity, object, what was found, how to mend it; so in all that follow.
select case when p.parname in ('session_replication_role', 'event_triggers', 'session_preload_libraries', 'local_preload_libraries', 'shared_preload_libraries',
                               'dynamic_library_path', 'allow_system_table_mods', 'zero_damaged_pages', 'ignore_checksum_failure', 'archive_command', 'restore_command')
                 or a.privilege_type = 'ALTER SYSTEM' then 'fault' else 'warning' end,
       'parameter ' || p.parname,
       case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end || ' may ' || lower(a.privilege_type) || ' it',
       'revoke ' || lower(a.privilege_type) || ' on parameter ' || p.parname || ' from ' || case a.grantee when 0 then 'public' else a.grantee::regrole::text end
  from pg_parameter_acl p cross join lateral aclexplode(p.paracl) a
 where a.grantee = 0 or not (select r.rolsuper from pg_roles r where r.oid = a.grantee)
 order by 2, 3

-- name: settings
-- Defaults that a login starts with: its own, this database's, or everybody's.
select case when s.name in ('session_replication_role', 'event_triggers') then 'fault' else 'warning' end,
       coalesce('role ' || r.rolname || case when d.setdatabase <> 0 then ' in this database' else '' end,
                case when d.setdatabase = 0 then 'every database' else 'this database' end),
       'starts with ' || s.name || ' = ' || s.value,
       'alter ' || case when d.setrole = 0 and d.setdatabase = 0 then 'role all'
                        when d.setrole = 0 then 'database ' || quote_ident(current_database())
                        else 'role ' || quote_ident(r.rolname) || case when d.setdatabase <> 0 then ' in database ' || quote_ident(current_database()) else '' end end
         || ' reset ' || s.name
  from pg_db_role_setting d
  left join pg_roles r on r.oid = d.setrole
 cross join lateral (select lower(split_part(c, '=', 1)) as name, substr(c, strpos(c, '=') + 1) as value from unnest(d.setconfig) c) s
 where d.setdatabase in (0, (select oid from pg_database where datname = current_database()))
   and (s.name = 'session_replication_role' and s.value <> 'origin'
        or s.name = 'event_triggers' and s.value <> 'on'
        or s.name in ('search_path', 'row_security', 'session_preload_libraries', 'local_preload_libraries', 'synchronous_commit', 'role',
                      'session_authorization', 'check_function_bodies')
           and not (s.name = 'row_security' and s.value = 'on' or s.name = 'synchronous_commit' and s.value in ('on', 'remote_apply', 'remote_write'))
           and (d.setrole = 0 or r.rolname = any (%(ours)s)))
 order by 1, 2, 3

-- name: database
select case when a.privilege_type = 'TEMPORARY' or a.grantee <> 0 then 'warning' else 'note' end,
       'database ' || quote_ident(d.datname),
       case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end || case a.privilege_type
         when 'TEMPORARY' then ' may make temporary tables in it' else ' may make schemas in it' end,
       'revoke ' || lower(a.privilege_type) || ' on database ' || quote_ident(d.datname) || ' from ' || case a.grantee when 0 then 'public' else a.grantee::regrole::text end
  from pg_database d cross join lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
 where d.datname = current_database() and a.privilege_type in ('TEMPORARY', 'CREATE')
   and (a.grantee = 0 or a.grantee <> d.datdba and pg_get_userbyid(a.grantee) = any (%(ours)s))
union all
select 'warning', 'database ' || quote_ident(d.datname), 'belongs to ' || o.rolname || ', who holds a duty: an owner may set what every login starts with',
       'alter database ' || quote_ident(d.datname) || ' owner to somebody else'
  from pg_database d join pg_roles o on o.oid = d.datdba where d.datname = current_database() and o.rolname = any (%(ours)s)
union all
select 'note', 'schema public', 'PUBLIC may create in it', 'revoke create on schema public from public'
  from pg_namespace n cross join lateral aclexplode(n.nspacl) a
 where n.nspname = 'public' and a.privilege_type = 'CREATE' and a.grantee = 0
 order by 2, 3

-- name: replication
select case when p.pubupdate or p.pubdelete or p.pubtruncate then 'warning' else 'note' end,
       'publication ' || quote_ident(p.pubname),
       'publishes ' || concat_ws(', ', case when p.pubinsert then 'inserts' end, case when p.pubupdate then 'updates' end,
                                 case when p.pubdelete then 'deletes' end, case when p.pubtruncate then 'truncates' end)
         || ' of ' || string_agg(c.oid::regclass::text, ', ' order by c.relname collate "C"),
       case when p.pubupdate or p.pubdelete or p.pubtruncate then 'alter publication ' || quote_ident(p.pubname) || ' set (publish = ''insert'')'
            else 'nothing, if the subscriber may read all of it' end
  from pg_publication p join pg_class c on c.relnamespace = to_regnamespace('unbroken') and c.relkind in ('r', 'p') and not c.relispartition
 where p.puballtables
    or exists (select from pg_publication_rel r where r.prpubid = p.oid
                and (r.prrelid = c.oid or r.prrelid in (select i.inhrelid from pg_inherits i where i.inhparent = c.oid)))
    or exists (select from pg_publication_namespace s where s.pnpubid = p.oid and s.pnnspid = c.relnamespace)
 group by p.oid, p.pubname, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate
union all
select 'fault', 'subscription ' || quote_ident(s.subname), 'writes into ' || string_agg(c.oid::regclass::text, ', ' order by c.relname collate "C") || ', past the door',
       'drop subscription ' || quote_ident(s.subname)
  from pg_subscription_rel r join pg_subscription s on s.oid = r.srsubid join pg_class c on c.oid = r.srrelid
 where c.relnamespace = to_regnamespace('unbroken')
 group by s.oid, s.subname
 order by 2

-- name: server
select v.severity, 'setting ' || s.name, 'is ' || s.reset_val || ': ' || v.meaning, v.mend
  from pg_settings s
  join (values
    ('fsync',              'off',  'warning', 'a crash can lose or damage what was acknowledged', 'alter system set fsync = on'),
    ('full_page_writes',   'off',  'warning', 'a crash can leave half-written pages', 'alter system set full_page_writes = on'),
    ('synchronous_commit', 'off',  'warning', 'a crash can lose what was acknowledged', 'alter system set synchronous_commit = on'),
    ('event_triggers',     'off',  'fault',   'the guards against DDL do not run', 'alter system set event_triggers = on'),
    ('session_replication_role', 'replica', 'fault', 'sessions begin with ordinary triggers off', 'alter system set session_replication_role = origin'),
    ('allow_system_table_mods', 'on', 'warning', 'a superuser may change the catalogues themselves', 'alter system set allow_system_table_mods = off'),
    ('password_encryption', 'md5', 'warning', 'passwords that are set from now on are stored as MD5', 'alter system set password_encryption = ''scram-sha-256'''),
    ('data_checksums',     'off',  'note',    'pages that were damaged or changed on disk are not noticed when they are read', 'pg_checksums --enable, with the server stopped')
  ) v (name, bad, severity, meaning, mend) on v.name = s.name and v.bad = s.reset_val
union all
select 'warning', 'setting ssl', 'is off, and the server listens on ' || l.setting || ': passwords and entries travel in clear', 'set up a certificate, then: alter system set ssl = on'
  from pg_settings s join pg_settings l on l.name = 'listen_addresses'
 where s.name = 'ssl' and s.setting = 'off'
   and exists (select from unnest(string_to_array(l.setting, ',')) a where btrim(a) not in ('', 'localhost', '127.0.0.1', '::1'))
union all
select 'note', 'setting ' || s.name, 'loads ' || s.setting || ' into every session', 'nothing, if you know these libraries'
  from pg_settings s where s.name in ('shared_preload_libraries', 'session_preload_libraries', 'local_preload_libraries') and s.setting <> ''
 order by 2

-- name: catalogue
-- What was put beside PostgreSQL's own functions and operators: found first by every name that is not qualified.
select 'fault', 'function ' || p.oid::regprocedure || ' of ' || l.lanname,
       'stands in pg_catalog, and PostgreSQL has a function of that name', 'drop function pg_catalog.' || p.oid::regprocedure
  from pg_proc p join pg_language l on l.oid = p.prolang
 where p.pronamespace = 'pg_catalog'::regnamespace and p.oid >= 16384
   and exists (select from pg_proc o where o.proname = p.proname and o.pronamespace = p.pronamespace and o.oid < 16384)
   and not exists (select from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
union all
select 'fault', 'function ' || p.oid::regprocedure, 'is PostgreSQL''s own by its number, and its body is of ' || l.lanname,
       'set the server up anew: PostgreSQL itself was changed'
  from pg_proc p join pg_language l on l.oid = p.prolang
 where p.oid < 16384 and p.pronamespace = 'pg_catalog'::regnamespace and l.lanname not in ('internal', 'c', 'sql')
union all
select 'fault', 'operator ' || o.oid::regoperator, 'stands in pg_catalog and is not PostgreSQL''s', 'drop operator pg_catalog.' || o.oid::regoperator
  from pg_operator o
 where o.oprnamespace = 'pg_catalog'::regnamespace and o.oid >= 16384
   and not exists (select from pg_depend d where d.classid = 'pg_operator'::regclass and d.objid = o.oid and d.deptype = 'e')
union all
select 'fault', 'cast (' || k.castsource::regtype || ' as ' || k.casttarget::regtype || ')', 'is between PostgreSQL''s own types and is not PostgreSQL''s',
       'drop cast (' || k.castsource::regtype || ' as ' || k.casttarget::regtype || ')'
  from pg_cast k
 where k.oid >= 16384 and k.castsource < 16384 and k.casttarget < 16384
   and not exists (select from pg_depend d where d.classid = 'pg_cast'::regclass and d.objid = k.oid and d.deptype = 'e')
 order by 2
