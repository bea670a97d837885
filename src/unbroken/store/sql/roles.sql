-- Roles belong to the cluster, not to a database. NOLOGIN groups: logins are made members of one each.
-- unbroken_owner owns everything and is meant to have no members outside a migration.
do $$
declare
  v_role text;
begin
  foreach v_role in array array['unbroken_owner', 'unbroken_writer', 'unbroken_verifier', 'unbroken_ops'] loop
    if not exists (select from pg_roles where rolname = v_role) then
      execute format('create role %I nologin noinherit', v_role);
    end if;
  end loop;
end $$;
