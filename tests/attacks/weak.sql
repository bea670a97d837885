-- A log as one builds it in an afternoon, to show that the checks can fail. EVERY LINE IS A MISTAKE: copy nothing from here.
-- Run by a superuser in a database of its own. Its roles and its grant on a parameter belong to the cluster; weak.py takes
-- them away again.

create role weak_owner nologin;
create role weak_keeper login in role weak_owner;                  -- a person who may be the owner at any time
create role weak_writer login;
create role weak_server login in role weak_writer;
create role weak_ops login bypassrls in role pg_read_all_data;     -- an operator above all policies
create role weak_compliance login;
create role weak_legal login;
create role weak_dpo login;
create role weak_subjects login;
create role weak_retention login;
create role weak_verifier login;
create role weak_access login;
create role weak_notary login;
create role weak_access2 login;
grant set on parameter session_replication_role to weak_ops;

create schema weak authorization weak_owner;
grant usage, create on schema weak to public;
do $$ begin execute format('grant create on database %I to weak_owner', current_database()); end $$;
set role weak_owner;

-- Numbers from a sequence, the time and the name from whoever writes, and nothing that links one record to the next.
create sequence weak.numbers;
grant usage on sequence weak.numbers to public;
create table weak.records (
  no     bigint      not null default nextval('weak.numbers') primary key,
  log    text        not null default 'ward',
  at     timestamptz not null default now(),
  who    text        not null default session_user,
  person text,
  what   text        not null
) partition by range (no);
create table weak.records_1 partition of weak.records for values from (1) to (1000000);
create table weak.bodies (no bigint primary key, person text, body text);
create table weak.permits (login text, duty text, asked_by text, confirmed_by text, primary key (login, duty));
create table weak.looks (no bigint, login text, reason text);
create table weak.decisions (call text primary key, asked_by text, decided_by text);

-- A guard that forgot UPDATE, that a setting switches off, and that no partition has for TRUNCATE.
create function weak.refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
create trigger refuse before delete on weak.records for each row execute function weak.refuse();
create trigger refuse_truncate before truncate on weak.records execute function weak.refuse();

-- Policies on two tables, forced on none; the partition and the small tables have none at all.
alter table weak.records enable row level security;
create policy writing on weak.records for insert to weak_writer with check (true);
create policy reading on weak.records for select to weak_writer, weak_ops, weak_compliance, weak_legal using (true);
alter table weak.bodies enable row level security;
create policy own on weak.bodies for select to weak_subjects using (person = current_setting('weak.person', true));
create policy all_of_it on weak.bodies to weak_ops, weak_retention, weak_dpo, weak_compliance using (true);

-- Rights on tables where functions should stand; ALL, which includes TRUNCATE; a grant on a partition; a reader that
-- no policy was made for.
grant insert, select on weak.records to weak_writer;
grant select on weak.records, weak.records_1 to weak_ops, weak_verifier, weak_compliance, weak_legal;
grant update on weak.records, weak.records_1 to weak_ops;
grant select on weak.bodies to weak_subjects, weak_compliance;
grant all on weak.bodies to weak_ops, weak_retention, weak_dpo;
grant all on weak.permits to weak_ops, weak_access, weak_access2;

-- Functions with their owner's rights that find tables in pg_temp first, take the caller's word for the time and the name,
-- and that everybody may call.
create function weak.record(what text, at timestamptz default now(), who text default session_user, log text default 'ward')
returns timestamptz language sql security definer set search_path = weak as $$
  insert into weak.records (what, at, who, log) values (what, at, who, log) returning at
$$;
create function weak.may(login text, duty text) returns boolean language plpgsql security definer set search_path = weak as $$
begin
  return exists (select from permits p where p.login = may.login and p.duty = may.duty and p.confirmed_by is not null);
end $$;
create function weak.record_with_permit(what text) returns timestamptz language plpgsql security definer set search_path = weak as $$
begin
  if not weak.may(session_user, 'writer of another log') then
    raise exception 'no permit';
  end if;
  return weak.record(what);
end $$;
create function weak.look(no bigint, reason text) returns text language plpgsql security definer set search_path = weak as $$
begin
  insert into looks values (no, session_user, reason);
  return (select b.body from bodies b where b.no = look.no);
end $$;
create function weak.look_again(no bigint) returns text language plpgsql security definer set search_path = weak as $$
begin
  if not exists (select from looks l where l.login = session_user) then
    raise exception 'no reason was given';
  end if;
  return (select b.body from bodies b where b.no = look_again.no);
end $$;
create function weak.ask(login text, duty text) returns void language sql security definer set search_path = weak as $$
  insert into weak.permits values (login, duty, session_user)
$$;
create function weak.confirm(login text, duty text) returns void language sql security definer set search_path = weak as $$
  update weak.permits p set confirmed_by = session_user where p.login = confirm.login and p.duty = confirm.duty
$$;
create function weak.take_back(login text, duty text) returns void language sql security definer set search_path = weak as $$
  delete from weak.permits p where p.login = take_back.login and p.duty = take_back.duty
$$;
create function weak.ask_to_act(call text) returns void language sql security definer set search_path = weak as $$
  insert into weak.decisions values (call, session_user)
$$;
create function weak.decide(call text) returns void language sql security definer set search_path = weak as $$
  update weak.decisions d set decided_by = session_user where d.call = decide.call
$$;

-- Names beside their aliases, in clear and for everybody to read; asking for one is another function than seeing it, and
-- anybody may overwrite both them and what says how data is treated.
create table weak.people (alias text primary key, name text not null);
create table weak.asked (alias text, login text);
create table weak.registry (text text not null);
grant select on weak.people to public;
create function weak.ask_name(alias text) returns void language sql security definer set search_path = weak as $$
  insert into weak.asked values (alias, session_user)
$$;
create function weak.name_of(alias text) returns text language sql security definer set search_path = weak as $$
  select p.name from weak.people p where p.alias = name_of.alias
$$;
create function weak.call_it(alias text, name text) returns void language sql security definer set search_path = weak as $$
  insert into weak.people values (alias, name) on conflict on constraint people_pkey do update set name = excluded.name
$$;
create function weak.load_registry(text text) returns void language sql security definer set search_path = weak as $$
  update weak.registry set text = load_registry.text
$$;

-- Keys beside what they open, for everybody to read, by functions that ask nobody; and an erasure that one person does alone,
-- before or after anybody agreed, of whatever rows they name.
create table weak.wraps (key text primary key, half bytea, holder text, wrapped bytea);
create table weak.sealed (no bigint primary key, key text, body bytea);
create table weak.removals (person text primary key, asked_by text, confirmed_by text);
create table weak.servers (name text);
grant select on weak.wraps, weak.sealed to public;
create function weak.sealed_of(no bigint) returns bytea language sql security definer set search_path = weak as $$
  select s.body from weak.sealed s where s.no = sealed_of.no
$$;
create function weak.seal(no bigint, key text, body bytea) returns void language sql security definer set search_path = weak as $$
  insert into weak.sealed values (no, key, body)
$$;
create function weak.key_for(holder text) returns text language sql security definer set search_path = weak as $$
  insert into weak.wraps values (key_for.holder, 'half', key_for.holder, 'wrapped') returning key
$$;
create function weak.wrap_anew(wrapped bytea) returns bigint language sql security definer set search_path = weak as $$
  with w as (update weak.wraps set wrapped = wrap_anew.wrapped returning 1) select count(*) from w
$$;
create function weak.ask_removal(person text) returns void language sql security definer set search_path = weak as $$
  insert into weak.removals values (person, session_user)
$$;
create function weak.confirm_removal(person text) returns void language sql security definer set search_path = weak as $$
  update weak.removals r set confirmed_by = session_user where r.person = confirm_removal.person
$$;
create function weak.remove(person text) returns bigint language sql security definer set search_path = weak as $$
  with b as (delete from weak.bodies b where b.person = remove.person returning 1) select count(*) from b
$$;
create function weak.open_reads() returns void language sql security definer set search_path = weak as $$
  insert into weak.servers values ('another')
$$;

-- Holds that a list for deletion does not ask for once it is made, that one person lifts, and that everybody may read; periods
-- that anybody sets and dates; and what is on the list goes whether anybody agreed or not.
create table weak.holds (matter text primary key, person text, asked_by text, released_by text);
create table weak.rules (rule text primary key, days int, asked_by text, confirmed_by text);
create table weak.old (no bigint primary key, approved_by text);
alter table weak.bodies add column since timestamptz;
grant select on weak.holds to public;
create function weak.hold(matter text, person text) returns void language sql security definer set search_path = weak as $$
  insert into weak.holds values (matter, person);
  insert into weak.records (what) values ('hold issued')
$$;
create function weak.list_holds() returns setof text language sql security definer set search_path = weak as $$
  select h.matter from weak.holds h
$$;
create function weak.ask_release(matter text) returns void language sql security definer set search_path = weak as $$
  update weak.holds h set asked_by = session_user where h.matter = ask_release.matter
$$;
create function weak.release(matter text) returns void language sql security definer set search_path = weak as $$
  update weak.holds h set released_by = session_user where h.matter = release.matter
$$;
create function weak.ask_rule(rule text) returns void language sql security definer set search_path = weak as $$
  insert into weak.rules values (rule, 7, session_user)
$$;
create function weak.confirm_rule(rule text) returns void language sql security definer set search_path = weak as $$
  update weak.rules r set confirmed_by = session_user where r.rule = confirm_rule.rule
$$;
create function weak.tell_start(person text, since timestamptz) returns void language sql security definer set search_path = weak as $$
  update weak.bodies b set since = tell_start.since where b.person = tell_start.person
$$;
create function weak.list_old() returns void language sql security definer set search_path = weak as $$
  insert into weak.old select b.no from weak.bodies b where b.person not in (select h.person from weak.holds h) order by b.no limit 2
$$;
create function weak.approve_old() returns void language sql security definer set search_path = weak as $$
  update weak.old set approved_by = session_user
$$;
create function weak.purge() returns bigint language sql security definer set search_path = weak as $$
  with b as (delete from weak.bodies b where b.no in (select o.no from weak.old o) returning 1) select count(*) from b
$$;
create function weak.drop_all() returns boolean language plpgsql security definer set search_path = weak as $$
begin
  drop table weak.records_1 cascade;
  return true;
end $$;
insert into weak.rules values ('six years', 2190, 'weak_legal', 'weak_compliance');
insert into weak.wraps values ('k-1', 'half', 'p-1', 'wrapped');
insert into weak.sealed values (1, 'k-1', 'sealed');
insert into weak.people values ('alias-1', 'Ann Other');
insert into weak.registry values ('mask everything');

insert into weak.records (what, person) values ('request', 'p-1'), ('tool_call', 'p-2'), ('response', 'p-1');
insert into weak.records (what, log) values ('request', 'another ward');
insert into weak.bodies select r.no, r.person, 'text ' || r.no from weak.records r where r.person is not null;
insert into weak.permits values ('weak_compliance', 'reader', 'weak_access', 'weak_access2');
reset role;

create view weak.everything as select r.*, b.body from weak.records r left join weak.bodies b using (no);  -- a superuser's
grant select on weak.everything to weak_dpo, weak_legal;
create publication weak_changes for table weak.records;
analyze weak.records;
