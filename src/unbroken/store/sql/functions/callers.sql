-- Who is asking. Inside SECURITY DEFINER session_user is still the login, and 'role' what it has SET ROLE to.

create or replace function unbroken.caller() returns text
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_role constant text := current_setting('role');
begin
  if session_user like '% as %' then
    raise exception 'a login whose name contains " as " can not record' using errcode = 'UB003';
  end if;
  return case when v_role = 'none' then session_user else session_user || ' as ' || v_role end;
end $$;

-- A log by its full name, or by its origin, which stands for the newest incarnation; null where there is none.
create or replace function unbroken.log_named(p_name text) returns integer
language sql stable set search_path = unbroken, pg_temp as $$
  select l.log from logs l
   where l.origin = p_name or l.origin || '~' || l.incarnation = p_name
   order by l.incarnation desc limit 1
$$;

-- The newest incarnation of a log that this login may record into. One message for "no grant" and "no such log".
create or replace function unbroken.log_for_writer(p_origin text) returns integer
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_log integer;
begin
  select l.log into v_log
    from logs l
   where l.origin = p_origin and not exists (select from logs n where n.origin = l.origin and n.incarnation > l.incarnation)
     and exists (select from grants g where g.log = l.log and g.login = session_user and g.duty in ('writer', 'server')
                    and g.revoked_at is null);
  if v_log is null then
    raise exception 'no such log, or this login may not record into it' using errcode = 'UB003';
  end if;
  return v_log;
end $$;

-- Naming a principal, whom the entry is recorded for, is for a server that authenticated it.
create or replace function unbroken.require_server(p_log integer, p_principal text) returns void
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  if not pg_has_role(session_user, 'unbroken_server', 'member')
     or not exists (select from grants g where g.log = p_log and g.login = session_user and g.duty = 'server' and g.revoked_at is null) then
    raise exception 'only a login with the duty server names a principal' using errcode = 'UB003';
  end if;
  if octet_length(p_principal) not between 1 and 1024 or p_principal ~ '[[:cntrl:]]' then
    raise exception 'a principal is 1 to 1024 bytes of printable text' using errcode = 'UB009';
  end if;
end $$;
