-- Which migrations this database has; checksum is the SHA-256 of the file. Run as unbroken_owner.
alter default privileges for role unbroken_owner revoke execute on functions from public;
create table if not exists unbroken.migrations (
  number     integer     primary key,
  name       text        not null collate "C",
  checksum   bytea       not null,
  applied_at timestamptz not null default clock_timestamp()
);
