-- Who may do what with which log. A right is two things: membership of a duty's group, which whoever administers the server
-- gives, and a row in grants, which access administrators make. A login has one duty, so that SET ROLE separates nothing.

-- The duties and what they are to one another: whether one needs two people to be granted.
create or replace function unbroken.needs_two_people(p_duty text) returns boolean
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  case
    when p_duty in ('writer', 'ops') then return false;
    when p_duty in ('server', 'compliance', 'legal', 'dpo', 'subjects', 'retention', 'verifier', 'access', 'notary') then return true;
    else raise exception 'a duty is writer, server, ops, compliance, legal, dpo, subjects, retention, verifier, access or notary' using errcode = 'UB009';
  end case;
end $$;

-- The one duty whose group the login is in; null when it is in none or several. A superuser is in all. What the policies
-- call is in plpgsql, which keeps its plans: each statement that reads asks several times.
create or replace function unbroken.only_duty() returns text
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
begin
  return (
    select case when count(*) = 1 then min(substr(r.rolname, 10)) end
      from pg_roles r
     where r.rolname in ('unbroken_writer', 'unbroken_server', 'unbroken_ops', 'unbroken_compliance', 'unbroken_legal', 'unbroken_dpo',
                         'unbroken_subjects', 'unbroken_retention', 'unbroken_verifier', 'unbroken_access', 'unbroken_notary')
       and pg_has_role(session_user, r.oid, 'member'));
end $$;

-- The logs that this login holds its duty for: where one was continued, the newest incarnation says it for all.
create or replace function unbroken.granted_logs() returns integer[]
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
declare
  v_duty constant text := unbroken.only_duty();
begin
  return (
    select coalesce(array_agg(o.log), '{}')
      from grants g
      join logs l on l.log = g.log and not exists (select from logs n where n.origin = l.origin and n.incarnation > l.incarnation)
      join logs o on o.origin = l.origin
     where g.login = session_user and g.duty = v_duty and g.revoked_at is null);
end $$;

-- For the policies: a statement of a login that holds no duty for any log fails, and gives no empty answer, which would look
-- like an empty log. Said to be immutable so that the planner asks it, before any row could make a difference.
create or replace function unbroken.asks_with_grant() returns boolean
language plpgsql immutable security definer set search_path = unbroken, pg_temp as $$
begin
  if unbroken.granted_logs() = '{}' then
    raise exception 'this login holds no duty for any log, or is in the groups of several' using errcode = 'UB003';
  end if;
  return true;
end $$;

-- The log of this name, full or an origin, that this login holds its duty for. One message for "no grant" and "no such log".
create or replace function unbroken.log_for_reader(p_log text) returns integer
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_log integer := unbroken.log_named(p_log);
begin
  if v_log is null or v_log <> all (unbroken.granted_logs()) then
    raise exception 'no such log, or this login may not read it' using errcode = 'UB003';
  end if;
  return v_log;
end $$;

-- Whether the caller is who installs: a member of the owner, which nobody is meant to be outside an installation.
create or replace function unbroken.is_installing() returns boolean
language sql stable set search_path = unbroken, pg_temp as $$
  select pg_has_role(session_user, 'unbroken_owner', 'member')
$$;

-- The log, for somebody who may grant: an access administrator of it, or, while it has fewer than two, the installing role.
create or replace function unbroken.log_for_access(p_log text, out log integer, out administrators bigint)
language plpgsql stable set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
begin
  log := unbroken.newest_of(unbroken.log_named(p_log));
  -- One whose login is gone, or out of the group, can't act: it must not keep everybody else out.
  select count(*) into administrators
    from grants g join pg_roles r on r.rolname = g.login and pg_has_role(r.oid, 'unbroken_access', 'member')
   where g.log = log_for_access.log and g.duty = 'access' and g.revoked_at is null;
  if log is null
     or not exists (select from grants g where g.log = log_for_access.log and g.login = session_user and g.duty = 'access'
                       and g.revoked_at is null and unbroken.only_duty() = 'access')
        and not (administrators < 2 and unbroken.is_installing()) then
    raise exception 'no such log, or this login may not grant access to it' using errcode = 'UB003';
  end if;
end $$;

create or replace function unbroken.check_reason(p_reason text) returns void
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  if p_reason is null or p_reason !~ '[^[:space:]]' or octet_length(p_reason) > 2000 then
    raise exception 'say why, in up to 2000 bytes' using errcode = 'UB009';
  end if;
end $$;

-- Makes a duty effective: the entry first, then the row, which its guard holds against the entry.
create or replace function unbroken.put_grant(
  p_log integer, p_login text, p_duty text, p_basis text, p_reason text,
  p_requested_by text default session_user, p_request uuid default null, p_confirmed_by text default null
) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_seq bigint;
begin
  v_seq := unbroken.append_own(p_log, 'access_granted', jsonb_strip_nulls(jsonb_build_object(
    'login', p_login, 'duty', p_duty, 'basis', p_basis, 'requested_by', p_requested_by, 'confirmed_by', p_confirmed_by,
    'request', p_request, 'reason', p_reason)));
  insert into grants (log, login, duty, granted_at, granted_seq, granted_by, confirmed_by)
  values (p_log, p_login, p_duty, clock_timestamp(), v_seq, p_requested_by, p_confirmed_by);
  return v_seq;
end $$;

-- Grants a duty for a log, or, where that takes two people, asks for the second. A duty that is held already is left.
create or replace function unbroken.grant_access(p_log text, p_login text, p_duty text, p_reason text)
returns table (state text, request uuid, seq bigint)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_place  record;
  v_two    constant boolean := unbroken.needs_two_people(p_duty);
  v_until  constant timestamptz := clock_timestamp() + interval '7 days';
begin
  select * into v_place from unbroken.log_for_access(p_log);
  perform unbroken.check_reason(p_reason);
  if p_login is null or octet_length(p_login) not between 1 and 63 or p_login ~ '[[:cntrl:]]' or p_login like '% as %' then
    raise exception 'a login''s name is 1 to 63 bytes of printable text without " as "' using errcode = 'UB009';
  end if;
  -- "One login, one duty" holds over all logs, so two grants do not pass each other here.
  lock table grants in share row exclusive mode;
  select 'granted', null::uuid, g.granted_seq into state, request, seq
    from grants g where g.log = v_place.log and g.login = p_login and g.duty = p_duty and g.revoked_at is null;
  if found then
    return next;
    return;
  end if;
  if exists (select from grants g where g.login = p_login and g.duty <> p_duty and g.revoked_at is null) then
    raise exception 'this login has another duty: give each duty a login of its own' using errcode = 'UB008';
  end if;
  if p_login = session_user then
    raise exception 'nobody grants to itself' using errcode = 'UB008';
  end if;
  if v_place.administrators = 0 then
    seq := unbroken.put_grant(v_place.log, p_login, p_duty, 'installation', p_reason);
    state := 'granted';
  elsif not v_two then
    seq := unbroken.put_grant(v_place.log, p_login, p_duty, 'one person', p_reason);
    state := 'granted';
  else
    state := 'requested';
    request := gen_random_uuid();
    seq := unbroken.append_own(v_place.log, 'log.access_requested',
                               jsonb_build_object('request', request, 'login', p_login, 'duty', p_duty, 'reason', p_reason,
                                                  'valid_until', unbroken.time_text(v_until)));
    insert into access_requests (log, request, login, duty, reason, requested_by, requested_at, requested_seq, expires_at)
    values (v_place.log, request, p_login, p_duty, p_reason, session_user, clock_timestamp(), seq, v_until);
  end if;
  return next;
end $$;

-- The request, if it can still be decided.
create or replace function unbroken.open_request(p_log integer, p_request uuid) returns unbroken.access_requests
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_asked unbroken.access_requests;
begin
  select r.* into v_asked from access_requests r where r.log = p_log and r.request = p_request for update;
  if not found or v_asked.outcome is not null or v_asked.expires_at < clock_timestamp() then
    raise exception 'there is no such request, or it was decided or has expired' using errcode = 'UB009';
  end if;
  return v_asked;
end $$;

-- The second person's word, which makes a request effective.
create or replace function unbroken.confirm_access(p_log text, p_request uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log   constant int := (unbroken.log_for_access(p_log)).log;
  v_asked unbroken.access_requests;
  v_seq   bigint;
begin
  lock table grants in share row exclusive mode;
  v_asked := unbroken.open_request(v_log, p_request);
  if session_user in (v_asked.requested_by, v_asked.login) then
    raise exception 'a second person confirms: neither who asked nor who is to be granted' using errcode = 'UB008';
  end if;
  if exists (select from grants g where g.login = v_asked.login and g.revoked_at is null and (g.duty <> v_asked.duty or g.log = v_log)) then
    raise exception 'this login has a duty already: give each duty a login of its own' using errcode = 'UB008';
  end if;
  v_seq := unbroken.put_grant(v_log, v_asked.login, v_asked.duty, 'two people', v_asked.reason, v_asked.requested_by, p_request, session_user);
  update access_requests set outcome = 'granted', decided_by = session_user, decided_seq = v_seq where log = v_log and request = p_request;
  return v_seq;
end $$;

create or replace function unbroken.withdraw_access(p_log text, p_request uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log   constant int := (unbroken.log_for_access(p_log)).log;
  v_seq   bigint;
begin
  perform unbroken.open_request(v_log, p_request);
  v_seq := unbroken.append_own(v_log, 'log.access_withdrawn', jsonb_build_object('request', p_request));
  update access_requests set outcome = 'withdrawn', decided_by = session_user, decided_seq = v_seq where log = v_log and request = p_request;
  return v_seq;
end $$;

-- Ends a duty at once. One person is enough: a stolen login has to be stopped now, and giving it back takes two.
create or replace function unbroken.revoke_access(p_log text, p_login text, p_duty text, p_reason text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := (unbroken.log_for_access(p_log)).log;
  v_seq bigint;
begin
  perform unbroken.check_reason(p_reason);
  -- The same lock first as in grant_access, which takes the log's lock after it.
  lock table grants in share row exclusive mode;
  perform from grants g where g.log = v_log and g.login = p_login and g.duty = p_duty and g.revoked_at is null for update;
  if not found then
    raise exception 'this login does not hold this duty for this log' using errcode = 'UB009';
  end if;
  v_seq := unbroken.append_own(v_log, 'access_revoked', jsonb_build_object('login', p_login, 'duty', p_duty, 'reason', p_reason));
  update grants set revoked_at = clock_timestamp(), revoked_seq = v_seq, revoked_by = session_user
   where log = v_log and login = p_login and duty = p_duty and revoked_at is null;
  return v_seq;
end $$;

-- Gives an entry to each grant that an older release made without one. For the owner, after a migration.
create or replace function unbroken.adopt_grants() returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_grant record;
begin
  for v_grant in select * from grants where granted_seq is null order by granted_at loop
    update grants
       set granted_seq = unbroken.append_own(v_grant.log, 'access_granted', jsonb_build_object(
             'login', v_grant.login, 'duty', v_grant.duty, 'basis', 'migration', 'requested_by', v_grant.granted_by))
     where log = v_grant.log and login = v_grant.login and duty = v_grant.duty and granted_at = v_grant.granted_at;
  end loop;
end $$;
