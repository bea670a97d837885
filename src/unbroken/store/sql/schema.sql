-- Run by whoever installs, before anything else: needs CREATE on the database and membership of unbroken_owner.
create schema if not exists unbroken authorization unbroken_owner;
do $$
begin
  execute format('revoke temporary on database %I from public', current_database());
exception when insufficient_privilege then
  raise notice 'TEMP on this database stays with PUBLIC: only the database owner can revoke it';
end $$;
