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

-- The newest incarnation of a log that this login may record into. One message for "no grant" and "no such log".
create or replace function unbroken.log_for_writer(p_origin text) returns integer
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_log integer;
begin
  select l.log into v_log
    from logs l
   where l.origin = p_origin
     and exists (select from grants g where g.log = l.log and g.login = session_user and g.duty = 'writer')
   order by l.incarnation desc limit 1;
  if v_log is null then
    raise exception 'no such log, or this login may not record into it' using errcode = 'UB003';
  end if;
  return v_log;
end $$;
