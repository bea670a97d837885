-- Roles belong to the cluster, not to a database. NOLOGIN groups: logins are made members of one each.
-- unbroken_owner owns everything and is meant to have no members outside a migration.
do $$
declare
  v_role text;
begin
  foreach v_role in array array[
    'unbroken_owner', 'unbroken_writer', 'unbroken_server', 'unbroken_ops', 'unbroken_compliance', 'unbroken_legal', 'unbroken_dpo',
    'unbroken_subjects', 'unbroken_retention', 'unbroken_verifier', 'unbroken_access', 'unbroken_notary'] loop
    if not exists (select from pg_roles where rolname = v_role) then
      begin
        execute format('create role %I nologin noinherit', v_role);
      exception when duplicate_object or unique_violation then
        null;  -- made meanwhile, for another database of this server
      end;
    end if;
  end loop;
end $$;

-- So that unbroken.end_lock_holder, which runs as the owner, can end a session: a privilege is used by inheriting it.
-- Without it the function says what is missing.
do $$
begin
  if not pg_has_role('unbroken_owner', 'pg_signal_backend', 'usage') then
    alter role unbroken_owner inherit;
    grant pg_signal_backend to unbroken_owner;
  end if;
exception when insufficient_privilege then
  null;
end $$;
