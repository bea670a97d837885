-- A login that appends in an open transaction and then sleeps stops every recorder of that log. Time-outs bound it by
-- default, and a login can reset its own; this ends the session of one that has held the log's lock for all of p_patience.
-- For ops. What was done is an entry. Returns nothing when nobody holds the lock that long.
create or replace function unbroken.end_lock_holder(p_log text, p_patience interval default '5 s')
returns table (pid integer, login text)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log    int;
  v_first  int;
  v_login  text;
begin
  if p_patience is null or p_patience not between interval '0 s' and interval '30 s' then
    raise exception 'patience is 0 to 30 seconds' using errcode = 'UB002';
  end if;
  v_log := case when unbroken.is_installing() then unbroken.log_named(p_log) else unbroken.log_for_reader(p_log) end;
  if v_log is null then
    raise exception 'there is no such log' using errcode = 'UB003';
  end if;
  v_first := unbroken.lock_holder(v_log);
  if v_first is null then
    return;
  end if;
  perform pg_sleep(extract(epoch from p_patience));
  if unbroken.lock_holder(v_log) is distinct from v_first then
    return;
  end if;
  select a.usename::text into v_login from pg_stat_activity a where a.pid = v_first;
  begin
    perform pg_terminate_backend(v_first, 5000);
  exception when insufficient_privilege then
    raise exception 'the session % of % may not be ended from here: a superuser grants pg_signal_backend to unbroken_owner, or ends it', v_first, v_login
      using errcode = 'UB003';
  end;
  perform unbroken.append_own(v_log, 'log.unlocked', jsonb_build_object('login', v_login, 'pid', v_first));
  return query select v_first, v_login;
end $$;

-- Who holds the log's lock now: the transaction that the row's xmax names, alone or among several lockers. A transaction of
-- append holds it for milliseconds, so the same answer after a while is one transaction.
create or replace function unbroken.lock_holder(p_log integer) returns integer
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_xid xid;
  v_pid int;
begin
  begin
    perform from logs l where l.log = p_log for no key update nowait;
    raise exception 'free' using errcode = 'UB099';  -- and the lock that was just taken is given back
  exception
    when lock_not_available then null;
    when sqlstate 'UB099' then return null;
  end;
  select l.xmax into v_xid from logs l where l.log = p_log;
  select k.pid into v_pid from pg_locks k where k.locktype = 'transactionid' and k.granted and k.transactionid = v_xid;
  if v_pid is null then
    begin
      select k.pid into v_pid
        from pg_get_multixact_members(v_xid) m
        join pg_locks k on k.locktype = 'transactionid' and k.granted and k.transactionid = m.xid
       where m.mode not in ('keysh', 'sh') limit 1;
    exception when others then
      v_pid := null;  -- not several lockers: the holder has gone meanwhile
    end;
  end if;
  return v_pid;
end $$;
