-- Guards look at state, never at a setting. They fire always, also under session_replication_role = replica.

create or replace function unbroken.refuse_change() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name using errcode = 'UB010';
end $$;

-- A session's counter may only grow, by append.
create or replace function unbroken.refuse_uncounting() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.session_id, new.first_seq) is distinct from (old.log, old.session_id, old.first_seq)
     or new.entries <= old.entries or new.last_seq <= old.last_seq then
    raise exception 'a session''s count can only grow' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A request goes one way: decided, approval withdrawn or used once.
create or replace function unbroken.refuse_undeciding() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.request, new.requested_seq, new.tool, new.call_id, new.arguments_hash, new.actor_id, new.agent_id, new.requested_until)
       is distinct from (old.log, old.request, old.requested_seq, old.tool, old.call_id, old.arguments_hash, old.actor_id, old.agent_id, old.requested_until)
     or old.used_seq is not null or old.outcome = 'denied'
     or old.outcome = 'approved' and new.outcome is distinct from 'denied'
        and (new.outcome, new.decided_seq, new.approved_until) is distinct from (old.outcome, old.decided_seq, old.approved_until)
     or new.decided_seq < old.decided_seq then
    raise exception 'a request for approval can not be undecided' using errcode = 'UB010';
  end if;
  return new;
end $$;

do $$
declare
  v_table text;
begin
  foreach v_table in array array['entries', 'payloads', 'event_ids', 'logs', 'migrations', 'recorders', 'sessions', 'grants', 'approvals'] loop
    if v_table not in ('sessions', 'grants', 'approvals') then
      execute format('create or replace trigger refuse_change before update or delete on unbroken.%I for each row execute function unbroken.refuse_change()', v_table);
      execute format('alter table unbroken.%I enable always trigger refuse_change', v_table);
    end if;
    execute format('create or replace trigger refuse_truncate before truncate on unbroken.%I execute function unbroken.refuse_change()', v_table);
    execute format('alter table unbroken.%I enable always trigger refuse_truncate', v_table);
  end loop;
end $$;

create or replace trigger refuse_delete before delete on unbroken.sessions for each row execute function unbroken.refuse_change();
create or replace trigger refuse_uncounting before update on unbroken.sessions for each row execute function unbroken.refuse_uncounting();
create or replace trigger refuse_update before update on unbroken.grants for each row execute function unbroken.refuse_change();
alter table unbroken.sessions enable always trigger refuse_delete;
alter table unbroken.sessions enable always trigger refuse_uncounting;
alter table unbroken.grants enable always trigger refuse_update;

create or replace trigger refuse_delete before delete on unbroken.approvals for each row execute function unbroken.refuse_change();
create or replace trigger refuse_undeciding before update on unbroken.approvals for each row execute function unbroken.refuse_undeciding();
alter table unbroken.approvals enable always trigger refuse_delete;
alter table unbroken.approvals enable always trigger refuse_undeciding;
