-- For the length of a migration. From PostgreSQL 16 a role's creator may grant it to itself, also without SUPERUSER.
do $$
begin
  if not pg_has_role(current_user, 'unbroken_owner', 'member') or current_setting('server_version_num')::int >= 160000 then
    execute format('grant unbroken_owner to %I', current_user);
  end if;
end $$;
