-- Gives the schema back to its owner, as after a restore without owners and privileges: owners, no privilege but the
-- owner's, row security and triggers on. What the release then grants comes from privileges.sql. Run as a superuser.
do $$
declare
  v_owner constant oid := 'unbroken_owner'::regrole;
  v_item  record;
begin
  if (select n.nspowner from pg_namespace n where n.nspname = 'unbroken') <> v_owner then
    alter schema unbroken owner to unbroken_owner;
  end if;
  for v_item in
    select case when c.relkind = 'v' then 'view' when c.relkind = 'c' then 'type' else 'table' end as kind, c.oid::regclass::text as name
      from pg_class c where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p', 'v', 'c') and c.relowner <> v_owner
    union all
    select 'routine', p.oid::regprocedure::text from pg_proc p where p.pronamespace = 'unbroken'::regnamespace and p.proowner <> v_owner
  loop
    execute format('alter %s %s owner to unbroken_owner', v_item.kind, v_item.name);
  end loop;

  for v_item in
    select distinct 'schema unbroken' as object, a.grantee
      from pg_namespace n cross join lateral aclexplode(n.nspacl) a where n.nspname = 'unbroken'
    union
    select case c.relkind when 'S' then 'sequence ' else 'table ' end || c.oid::regclass, a.grantee
      from pg_class c cross join lateral aclexplode(c.relacl) a where c.relnamespace = 'unbroken'::regnamespace and c.relkind <> 'c'
    union
    select 'table ' || c.oid::regclass, a.grantee
      from pg_class c join pg_attribute t on t.attrelid = c.oid cross join lateral aclexplode(t.attacl) a where c.relnamespace = 'unbroken'::regnamespace
    union
    select 'routine ' || p.oid::regprocedure, a.grantee
      from pg_proc p cross join lateral aclexplode(p.proacl) a where p.pronamespace = 'unbroken'::regnamespace
  loop
    continue when v_item.grantee = v_owner;
    execute format('revoke all on %s from %s', v_item.object, case v_item.grantee when 0 then 'public' else v_item.grantee::regrole::text end);
  end loop;

  for v_item in
    select c.oid::regclass::text as name, c.relrowsecurity
      from pg_class c where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p')
  loop
    execute format('alter table %s enable row level security, force row level security', v_item.name);
  end loop;

  for v_item in
    select c.oid::regclass::text as name, t.tgname
      from pg_trigger t join pg_class c on c.oid = t.tgrelid
     where c.relnamespace = 'unbroken'::regnamespace and (not t.tgisinternal or t.tgparentid <> 0) and t.tgenabled <> 'A'
  loop
    execute format('alter table %s enable always trigger %I', v_item.name, v_item.tgname);
  end loop;
end $$;
