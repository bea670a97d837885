-- Who holds which duty for which log, what was asked for, and the tickets under which people read.

-- A login's duty for a log, since when and until when. No row without its entry: the entries are the truth.
alter table unbroken.grants drop constraint grants_pkey;
alter table unbroken.grants drop constraint grants_duty_check;
alter table unbroken.grants alter column granted_by drop default;
alter table unbroken.grants
  add column granted_seq  bigint,
  add column confirmed_by text collate "C",
  add column revoked_at   timestamptz,
  add column revoked_seq  bigint,
  add column revoked_by   text collate "C",
  add primary key (log, login, duty, granted_at),
  add unique (log, granted_seq),
  add check (duty in ('writer', 'server', 'ops', 'compliance', 'legal', 'dpo', 'subjects', 'retention', 'verifier', 'access')),
  add check (num_nulls(revoked_at, revoked_seq, revoked_by) in (0, 3)),
  add check (confirmed_by not in (granted_by, login));
create unique index on unbroken.grants (log, login, duty) where revoked_at is null;
create index on unbroken.grants (login) where revoked_at is null;

-- Before, members of these groups read all logs; they go on with the logs that there are. One in both groups gets nothing.
insert into unbroken.grants (log, login, duty, granted_by)
select l.log, m.login, m.duty, session_user
  from unbroken.logs l,
       (select r.rolname as login, min(substr(g.rolname, 10)) as duty
          from pg_auth_members a join pg_roles g on g.oid = a.roleid join pg_roles r on r.oid = a.member
         where g.rolname in ('unbroken_verifier', 'unbroken_ops', 'unbroken_writer') and r.rolcanlogin
         group by r.rolname having count(distinct g.rolname) = 1) m
 where m.duty <> 'writer';

-- What waits for, or was given by, a second person.
create table unbroken.access_requests (
  log           integer     not null references unbroken.logs,
  request       uuid        not null,
  login         text        not null collate "C",
  duty          text        not null collate "C",
  reason        text        not null,
  requested_by  text        not null collate "C",
  requested_at  timestamptz not null,
  requested_seq bigint      not null,
  expires_at    timestamptz not null,
  decided_seq   bigint,
  decided_by    text        collate "C",
  outcome       text        collate "C" check (outcome in ('granted', 'withdrawn')),
  primary key (log, request),
  check (num_nulls(decided_seq, decided_by, outcome) in (0, 3)),
  check (outcome is distinct from 'granted' or decided_by not in (requested_by, login))
);

-- A person's leave to read, which is an entry that was committed before. With a session it opens that one alone.
create table unbroken.tickets (
  log         integer     not null references unbroken.logs,
  ticket      uuid        not null,
  login       text        not null collate "C",
  duty        text        not null collate "C",
  opened_seq  bigint      not null,
  opened_at   timestamptz not null,
  expires_at  timestamptz not null,
  opened_xid  xid8        not null,
  session_id  text        collate "C",
  closed_seq  bigint,
  closed_at   timestamptz,
  primary key (log, ticket),
  check ((closed_seq is null) = (closed_at is null))
);
create index on unbroken.tickets (login, expires_at) where closed_seq is null;

-- Refused reads that are not on record yet, so that a login that keeps being refused does not fill a log.
create table unbroken.denials (
  log      integer     not null references unbroken.logs,
  login    text        not null collate "C",
  refused  text        not null collate "C",
  duty     text        collate "C",
  told_at  timestamptz not null,
  untold   bigint      not null default 0,
  primary key (log, login, refused)
);

-- Turns a name in a recorded search into a pseudonym. For the owner's functions alone.
create table unbroken.pseudonym_keys (
  log integer primary key references unbroken.logs,
  key bytea   not null check (length(key) = 32)
);
insert into unbroken.pseudonym_keys
select log, sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())) from unbroken.logs;

-- Whether one login asked and decided, so that finding those decisions needs no look at two entries each.
alter table unbroken.approvals add column self_attested boolean;
do $$
begin
  if exists (select from pg_trigger where tgrelid = 'unbroken.approvals'::regclass and tgname = 'refuse_undeciding') then
    alter table unbroken.approvals disable trigger refuse_undeciding;
  end if;
end $$;
update unbroken.approvals a
   set self_attested = split_part(d.writer, ' as ', 1) = split_part(q.writer, ' as ', 1)
  from unbroken.entries q, unbroken.entries d
 where q.log = a.log and q.seq = a.requested_seq and d.log = a.log and d.seq = a.decided_seq;
create index on unbroken.approvals (log, used_seq) where used_seq is not null;

-- What one agent did for one user, in order of time.
drop index unbroken.entries_log_actor_id_seq_idx;
create index on unbroken.entries (log, actor_id, agent_id, recorded_at, seq);
-- Who read and who was given access: few among many.
create index on unbroken.entries (log, event_type, recorded_at, seq) where event_type in ('access_granted', 'access_revoked',
  'log.access_requested', 'log.access_withdrawn', 'log.read', 'log.read_completed', 'log.read_denied');
-- Calls with side effects by time: those without an approval, and those whose approval has to be looked into.
drop index unbroken.entries_log_seq_idx;
create index on unbroken.entries (log, recorded_at, seq) where side_effect and event_type = 'tool_call';
-- Errors by time, with all that counting them needs.
drop index unbroken.entries_log_recorded_at_idx;
create index on unbroken.entries (log, recorded_at) include (seq, agent_id, session_id) where event_type = 'error';

-- Replaced by what has other arguments.
drop view if exists unbroken.agent_audit, unbroken.audit_log;
drop function if exists unbroken.payload_for_reader(integer, bigint);
drop function if exists unbroken.grant_writer(text, text);
drop function if exists unbroken.append(text, text[], text[], bytea[], text[], bytea[], text[], bytea[]);
drop function if exists unbroken.append_early(text, text[], text[], bytea[], text[], bytea[], text[], bytea[]);
drop function if exists unbroken.append_one(integer, text, text, text, bytea, text, bytea, text, bytea);
drop function if exists unbroken.chain(integer, text, text[], uuid[], text[]);
