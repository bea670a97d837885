-- Whether this database still holds what the notary signed. One that was restored, or lost what it had acknowledged, takes no
-- entries until the notary has found its last checkpoint in it, or an operator has recovered it.

-- Asked under the log's lock by all that makes entries; 'this start' is cheap to compare, the rest is asked where it differs.
create or replace function unbroken.require_continuous(p_log integer) returns void
language plpgsql volatile set search_path = unbroken, pg_temp as $$
declare
  v_known unbroken.continuity;
begin
  select c.* into v_known from continuity c where c.log = p_log;
  if v_known.closed_because is not null then
    raise exception 'this log takes no entries any more: its notary closed it. unbroken recover goes on' using errcode = 'UB012';
  end if;
  if v_known.log is not null and not unbroken.is_confirmed(v_known) then
    raise exception 'this log takes no entries until its notary has found its last checkpoint here: is unbroken checkpoint run at work?'
      using errcode = 'UB012';
  end if;
end $$;

create or replace function unbroken.is_confirmed(p_known unbroken.continuity) returns boolean
language plpgsql volatile set search_path = unbroken, pg_temp as $$
begin
  return p_known.closed_because is null and p_known.relation = 'unbroken.continuity'::regclass
     and (p_known.started_at is not distinct from pg_postmaster_start_time()
          or p_known.started_at is null
             and exists (select from unbroken.this_server() s where (s.system_identifier, s.timeline) = (p_known.system_identifier, p_known.timeline)));
end $$;

-- A log's lock, as append takes it, so that nothing is recorded meanwhile.
create or replace function unbroken.lock_log(p_log integer) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  perform from logs l where l.log = p_log for no key update;
end $$;

create or replace function unbroken.put_continuity(p_log integer, p_size bigint, p_root bytea, p_each_start boolean) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_start constant timestamptz := case when p_each_start then pg_postmaster_start_time() end;
begin
  insert into continuity as c (log, started_at, system_identifier, timeline, relation, size, root)
  select p_log, v_start, s.system_identifier, s.timeline, 'unbroken.continuity'::regclass, p_size, p_root from unbroken.this_server() s
  on conflict (log) do update
     set started_at = v_start, system_identifier = excluded.system_identifier, timeline = excluded.timeline, relation = excluded.relation,
         size = p_size, root = p_root, confirmed_at = clock_timestamp(), confirmed_by = session_user;
end $$;

-- The notary has found the tree of its last checkpoint in this database, which it compared itself.
create or replace function unbroken.confirm_continuity(p_log text, p_size bigint, p_root bytea, p_each_start boolean) returns void
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log   constant int := unbroken.log_for_notary(p_log);
  v_known unbroken.continuity;
begin
  perform unbroken.lock_log(v_log);
  select c.* into v_known from continuity c where c.log = v_log;
  if v_known.closed_because is not null then
    raise exception 'this log takes no entries any more: its notary closed it. unbroken recover goes on' using errcode = 'UB012';
  end if;
  if p_size is null or p_root is null or p_each_start is null or p_size > unbroken.head_of(v_log)
     or p_size < v_known.size or p_size = v_known.size and p_root <> v_known.root then
    raise exception 'the log ends before the last checkpoint, or a later one was confirmed here' using errcode = 'UB013';
  end if;
  perform unbroken.put_continuity(v_log, p_size, p_root, p_each_start);
end $$;

-- Nothing is recorded any more: the log is not the one that was signed. Only recovering goes on.
create or replace function unbroken.close_log(p_log text, p_why text) returns void
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_notary(p_log);
begin
  if p_why is null or octet_length(p_why) not between 1 and 2000 or p_why ~ '[[:cntrl:]]' then
    raise exception 'a log is closed with a reason of 1 to 2000 bytes' using errcode = 'UB009';
  end if;
  perform unbroken.lock_log(v_log);
  insert into continuity as c (log, system_identifier, timeline, relation, size, root, closed_because, closed_at, closed_by)
  select v_log, s.system_identifier, s.timeline, 'unbroken.continuity'::regclass, 0, sha256(''), p_why, clock_timestamp(), session_user
    from unbroken.this_server() s
  on conflict (log) do update set closed_because = p_why, closed_at = clock_timestamp(), closed_by = session_user
   where c.closed_because is null;
end $$;
