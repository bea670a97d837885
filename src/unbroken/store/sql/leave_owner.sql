reset role;
do $$
begin
  execute format('revoke unbroken_owner from %I', current_user);
end $$;
