-- Facts of the catalogue. Each query lists what should not be there, as one text a row.
-- %(schema)s, %(owner)s, %(groups)s and %(logins)s are the target's.

-- name: tables_without_forced_policies
select c.relname from pg_class c
 where c.relnamespace = %(schema)s::regnamespace and c.relkind in ('r', 'p') and not (c.relrowsecurity and c.relforcerowsecurity);

-- name: people_who_are_the_owner
select 'the owner can log in' from pg_roles r where r.rolname = %(owner)s and r.rolcanlogin
union all
select m.member::regrole::text from pg_auth_members m where m.roleid = %(owner)s::regrole;

-- name: roles_above_policies
with recursive members as (
  select r.oid from pg_roles r where r.rolname = any (%(groups)s::text[] || %(logins)s::text[] || %(owner)s::text)
  union
  select m.member from members join pg_auth_members m on m.roleid = members.oid
), roles as (
  select oid from members
  union
  select m.roleid from roles join pg_auth_members m on m.member = roles.oid
)
select r.rolname from roles join pg_roles r using (oid) where r.rolsuper or r.rolbypassrls;

-- name: grants_on_partitions
select format('%%s: %%s', c.relname, case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end)
  from pg_class c cross join aclexplode(c.relacl) a
 where c.relnamespace = %(schema)s::regnamespace and c.relispartition and a.grantee <> c.relowner
union
select format('%%s.%%s: %%s', c.relname, t.attname, a.grantee::regrole)
  from pg_class c join pg_attribute t on t.attrelid = c.oid cross join aclexplode(t.attacl) a
 where c.relnamespace = %(schema)s::regnamespace and c.relispartition and a.grantee <> c.relowner;

-- name: tables_that_can_be_truncated
select c.relname from pg_class c
 where c.relnamespace = %(schema)s::regnamespace and c.relkind in ('r', 'p')
   and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgtype & 32 = 32 and t.tgenabled = 'A');

-- name: tables_whose_rows_can_change
select c.relname || ': ' || case k.bit when 8 then 'delete' else 'update' end
  from pg_class c cross join (values (8), (16)) k (bit)
 where c.relnamespace = %(schema)s::regnamespace and c.relkind in ('r', 'p') and c.relname <> all (%(counters)s)
   and not exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgtype & k.bit = k.bit and t.tgtype & 2 = 2 and t.tgenabled = 'A');

-- name: rights_beyond_reading
select format('%%s: %%s to %%s', c.relname, lower(a.privilege_type), case a.grantee when 0 then 'PUBLIC' else a.grantee::regrole::text end)
  from pg_class c cross join aclexplode(c.relacl) a
 where c.relnamespace = %(schema)s::regnamespace and c.relkind in ('r', 'p') and a.grantee <> c.relowner and a.privilege_type <> 'SELECT'
union
select format('%%s.%%s: %%s', c.relname, t.attname, lower(a.privilege_type))
  from pg_class c join pg_attribute t on t.attrelid = c.oid cross join aclexplode(t.attacl) a
 where c.relnamespace = %(schema)s::regnamespace and a.grantee <> c.relowner and a.privilege_type <> 'SELECT';

-- name: parameters_given_away
select p.parname || ' to ' || a.grantee::regrole from pg_parameter_acl p cross join aclexplode(p.paracl) a
  join pg_roles r on r.oid = a.grantee and not r.rolsuper
 where p.parname in ('session_replication_role', 'row_security', 'event_triggers', 'session_preload_libraries', 'local_preload_libraries', 'search_path');

-- name: triggers_that_do_not_always_fire
select c.relname || '.' || t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
 where c.relnamespace = %(schema)s::regnamespace and not t.tgisinternal and t.tgenabled <> 'A';

-- name: publications_of_changes
select p.pubname from pg_publication p
 where (p.pubupdate or p.pubdelete or p.pubtruncate)
   and (p.puballtables
        or exists (select from pg_publication_tables t where t.pubname = p.pubname and t.schemaname = %(schema)s));

-- name: definer_functions_open_to_temporary_objects
select p.proname from pg_proc p
 where p.pronamespace = %(schema)s::regnamespace and p.prosecdef
   and not exists (select from unnest(p.proconfig) s where s ~ '^search_path=.*pg_temp$' or s in ('search_path=', 'search_path=""'));

-- name: logins_that_may_make_temporary_objects
select l from unnest(%(groups)s::text[] || %(logins)s::text[]) l where has_database_privilege(l, current_database(), 'temporary');

-- name: functions_for_everybody
select p.proname from pg_proc p
 where p.pronamespace = %(schema)s::regnamespace
   and (p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0));

-- name: new_functions_for_everybody
select 'what ' || %(owner)s::text || ' makes'
 where not exists (select from pg_default_acl d where d.defaclrole = %(owner)s::regrole and d.defaclobjtype = 'f' and d.defaclnamespace = 0
                      and not exists (select from aclexplode(d.defaclacl) a where a.grantee = 0));

-- name: views_with_their_owners_rights
select distinct v.oid::regclass::text
  from pg_class t
  join pg_depend d on d.refclassid = 'pg_class'::regclass and d.refobjid = t.oid and d.classid = 'pg_rewrite'::regclass
  join pg_rewrite r on r.oid = d.objid
  join pg_class v on v.oid = r.ev_class and v.oid <> t.oid
 where t.relnamespace = %(schema)s::regnamespace
   and (v.relkind = 'm' or not coalesce('{security_invoker=true,security_invoker=on}'::text[] && v.reloptions, false));

-- name: predefined_roles_held
select g || ': ' || r.rolname from unnest(%(groups)s::text[] || %(logins)s::text[] || %(owner)s::text) g
  join pg_roles r on r.rolname in ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files', 'pg_write_server_files',
                                   'pg_execute_server_program', 'pg_maintain', 'pg_checkpoint', 'pg_use_reserved_connections')
 where pg_has_role(g, r.oid, 'member');

-- name: objects_of_another_owner
select c.relname || ': ' || c.relowner::regrole from pg_class c
 where c.relnamespace = %(schema)s::regnamespace and c.relowner <> %(owner)s::regrole
union all
select p.proname || '(): ' || p.proowner::regrole from pg_proc p
 where p.pronamespace = %(schema)s::regnamespace and p.proowner <> %(owner)s::regrole;

-- name: missing_event_triggers
select e as what from unnest(array['ddl_command_end', 'sql_drop']) e
 where not exists (select from pg_event_trigger t where t.evtevent = e and t.evtenabled = 'A');

-- name: ways_to_write
select format('%%s: %%s on %%s', g, p, c.relname)
  from unnest(%(groups)s::text[] || %(logins)s::text[]) g
 cross join unnest(array['insert', 'update', 'delete', 'truncate', 'references', 'trigger']) p
  join pg_class c on c.relnamespace = %(schema)s::regnamespace and c.relkind in ('r', 'p', 'v')
 where has_table_privilege(g, c.oid, p)
union all
select g || ': create in schema' from unnest(%(groups)s::text[] || %(logins)s::text[]) g where has_schema_privilege(g, %(schema)s, 'create');

