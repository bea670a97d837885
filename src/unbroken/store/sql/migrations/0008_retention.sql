-- What has to be kept for how long, what a matter holds, and what was disposed of.

-- Held to the end of a transaction: 'holds' by whoever issues or changes a hold or destroys anything, always before a log's own
-- lock, which appends need; 'classes' by whoever adds a class.
create table unbroken.retention_locks (
  log  integer not null references unbroken.logs,
  what text    not null collate "C" check (what in ('classes', 'holds')),
  primary key (log, what)
);
insert into unbroken.retention_locks select l.log, w.what from unbroken.logs l, (values ('classes'), ('holds')) as w (what);

-- When somebody who records last asked for a key, to the day: what was sealed to it may arrive a while later.
alter table unbroken.subject_keys add column asked_at timestamptz not null default now();
-- Since when it opens nothing any more, of a key that had to stay when the last of it went: it is looked at again.
alter table unbroken.subject_keys add column spent_at timestamptz;
create index on unbroken.subject_keys (log, spent_at) where spent_at is not null and destroyed_seq is null;

-- What policies go by: an entry's type, domains and scope, once for all entries that have the same. A scope of null is one that
-- is not known, where a log has too many; an empty one is none.
create table unbroken.retention_classes (
  log        integer not null references unbroken.logs,
  class      integer not null check (class > 0),
  key        text    not null collate "C" check (octet_length(key) between 1 and 2000),
  event_type text    not null collate "C",
  domains    text[]  not null collate "C",
  scope      text[]  collate "C",
  primary key (log, class),
  unique (log, key)
);
-- Taken from the event by append.
alter table unbroken.entries add column class integer;
create function unbroken.class_before(p_event text, out key text, out event_type text, out domains text[], out scope text[])
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  event_type := p_event::json ->> 'event_type';
  domains := array(select json_array_elements_text(p_event::json -> 'domains') collate "C");
  scope := array(select i.item collate "C" from json_array_elements_text(p_event::json -> 'scope') with ordinality as i (item, nth)
                  where event_type not in ('approval_requested', 'approval_decided') or not starts_with(i.item, 'valid_until=') order by i.nth);
  key := case when domains = '{}' and scope = '{}' then event_type else event_type || ' ' || domains::text || ' ' || scope::text end;
  if octet_length(key) > 1800 then
    key := 'sha256:' || encode(sha256(convert_to(key, 'UTF8')), 'hex');
  end if;
exception when data_exception or program_limit_exceeded then
  null;
end $$;
do $$
begin
  if exists (select from pg_trigger where tgrelid = 'unbroken.entries'::regclass and tgname = 'refuse_change') then
    insert into unbroken.retention_classes (log, class, key, event_type, domains, scope)
    select d.log, row_number() over (partition by d.log order by d.key collate "C"), d.key, d.event_type, d.domains, d.scope
      from (select distinct on (e.log, b.key) e.log, b.key collate "C" as key, b.event_type, b.domains, b.scope
              from unbroken.entries e cross join lateral unbroken.class_before(e.event) b
             where e.event like '%"recorder":"%' and b.key is not null
             order by e.log, b.key) as d;
    alter table unbroken.entries disable trigger refuse_change;
    update unbroken.entries e set class = c.class
      from unbroken.retention_classes c
     where c.log = e.log and c.key = (unbroken.class_before(e.event)).key and e.event like '%"recorder":"%';
    alter table unbroken.entries enable always trigger refuse_change;
  end if;
end $$;
drop function unbroken.class_before(text);

-- Who decided what is to be kept and what is to go, and what went, as well.
drop index unbroken.entries_log_event_type_recorded_at_seq_idx;
create index on unbroken.entries (log, event_type, recorded_at, seq) where event_type in ('access_granted', 'access_revoked',
  'log.access_requested', 'log.access_withdrawn', 'log.disposal_approved', 'log.disposal_decided', 'log.disposal_proposed',
  'log.disposal_reviewed', 'log.disposal_withdrawn', 'log.disposed', 'log.disposing', 'log.erased', 'log.erasure_confirmed',
  'log.erasure_reapplied', 'log.erasure_requested', 'log.erasure_withdrawn', 'log.hold_change_asked', 'log.hold_change_withdrawn',
  'log.hold_changed', 'log.hold_issued', 'log.hold_reviewed', 'log.names_asked', 'log.original_asked', 'log.original_opened',
  'log.policies_confirmed', 'log.policies_proposed', 'log.policies_withdrawn', 'log.read', 'log.read_completed', 'log.read_denied',
  'log.restored', 'log.standing_asked', 'log.standing_confirmed', 'log.standing_ended', 'log.start_told', 'log.vault_refilled',
  'log.vault_rewrapped', 'log.vault_rewrapping');

-- The policies of a log, all together in one version: proposed by one person with what they would change, in force once another
-- has confirmed them. The newest that is confirmed counts.
create table unbroken.policy_sets (
  log         integer     not null references unbroken.logs,
  version     integer     not null check (version > 0),
  text        text        not null collate "C" check (octet_length(text) between 2 and 1048576),
  sha256      text        not null collate "C" check (sha256 ~ '^[0-9a-f]{64}$'),
  simulated   jsonb       not null,
  reason      text        not null,
  proposed_by text        not null collate "C",
  proposed_at timestamptz not null,
  proposed_seq bigint     not null,
  expires_at  timestamptz not null,
  outcome     text        collate "C" check (outcome in ('confirmed', 'withdrawn')),
  decided_by  text        collate "C",
  decided_at  timestamptz,
  decided_seq bigint,
  primary key (log, version),
  check (num_nulls(outcome, decided_by, decided_at, decided_seq) in (0, 4)),
  check (outcome <> 'confirmed' or decided_by <> proposed_by)
);

-- When what periods start with happened: an account was closed, a system placed on the market. Told late, and told anew where it
-- was wrong: the newest counts.
create table unbroken.start_events (
  log      integer     not null references unbroken.logs,
  kind     text        not null collate "C" check (octet_length(kind) between 1 and 120),
  item     text        not null collate "C" check (octet_length(item) between 3 and 1024) check (item like '%_=_%'),
  at       timestamptz not null,
  evidence text        not null check (octet_length(evidence) between 1 and 2000),
  told_by  text        not null collate "C",
  told_at  timestamptz not null,
  seq      bigint      not null,
  primary key (log, kind, item)
);

-- Legal holds. What one covers is in hold_scopes: a version for each time that it was narrowed, of which an older one covers until
-- its grace period is over.
create table unbroken.holds (
  log          integer     not null references unbroken.logs,
  hold         uuid        not null,
  matter       text        not null check (octet_length(matter) between 1 and 200),
  kind         text        not null collate "C" check (kind in ('litigation', 'regulator', 'internal', 'dispute', 'incident', 'restriction')),
  reason       text        not null,
  grace_days   integer     not null check (grace_days between 0 and 3650),
  review_days  integer     not null check (review_days between 1 and 3650),
  issued_by    text        not null collate "C",
  issued_at    timestamptz not null,
  issued_seq   bigint      not null,
  reviewed_by  text        collate "C",
  reviewed_at  timestamptz,
  reviewed_seq bigint,
  released_at  timestamptz,
  released_seq bigint,
  primary key (log, hold),
  check (num_nulls(reviewed_by, reviewed_at, reviewed_seq) in (0, 3)),
  check (num_nulls(released_at, released_seq) in (0, 2))
);
create table unbroken.hold_scopes (
  log       integer     not null,
  hold      uuid        not null,
  version   integer     not null check (version > 0),
  scope     jsonb       not null,
  sha256    text        not null collate "C" check (sha256 ~ '^[0-9a-f]{64}$'),
  since     timestamptz not null,
  seq       bigint      not null,
  ends_at   timestamptz,
  ended_seq bigint,
  primary key (log, hold, version),
  foreign key (log, hold) references unbroken.holds,
  check (num_nulls(ends_at, ended_seq) in (0, 2))
);
-- Narrowing and releasing take a second person. A request is bound to the version of the scope that it was asked for.
create table unbroken.hold_requests (
  log         integer     not null,
  request     uuid        not null,
  hold        uuid        not null,
  kind        text        not null collate "C" check (kind in ('narrow', 'release')),
  version     integer     not null,
  sha256      text        not null collate "C" check (sha256 ~ '^[0-9a-f]{64}$'),
  scope       jsonb,
  reason      text        not null,
  asked_by    text        not null collate "C",
  asked_at    timestamptz not null,
  asked_seq   bigint      not null,
  expires_at  timestamptz not null,
  outcome     text        collate "C" check (outcome in ('confirmed', 'withdrawn')),
  decided_by  text        collate "C",
  decided_at  timestamptz,
  decided_seq bigint,
  primary key (log, request),
  foreign key (log, hold, version) references unbroken.hold_scopes,
  check ((kind = 'narrow') = (scope is not null)),
  check (num_nulls(outcome, decided_by, decided_at, decided_seq) in (0, 4)),
  check (outcome <> 'confirmed' or decided_by <> asked_by)
);

-- Policies whose expiry two people have approved of for a time, so that nobody is asked each time.
create table unbroken.standing_approvals (
  log           integer     not null references unbroken.logs,
  approval      uuid        not null,
  policies      text[]      not null collate "C" check (cardinality(policies) between 1 and 1000),
  reason        text        not null,
  asked_by      text        not null collate "C",
  asked_at      timestamptz not null,
  asked_seq     bigint      not null,
  expires_at    timestamptz not null,
  valid_until   timestamptz not null,
  confirmed_by  text        collate "C",
  confirmed_at  timestamptz,
  confirmed_seq bigint,
  ended_by      text        collate "C",
  ended_at      timestamptz,
  ended_seq     bigint,
  primary key (log, approval),
  check (num_nulls(confirmed_by, confirmed_at, confirmed_seq) in (0, 3)),
  check (confirmed_by <> asked_by),
  check (num_nulls(ended_by, ended_at, ended_seq) in (0, 3))
);

-- One round of disposal: candidates up to an entry, frozen in lots; proposed with their hash, reviewed, approved by another, then
-- announced, destroyed lot by lot, found to be gone, certified. Of those that wait for people and those that a standing approval
-- covers there is one each at a time.
create table unbroken.disposals (
  log                integer     not null references unbroken.logs,
  disposal           uuid        not null,
  standing           boolean     not null,
  policies_version   integer     not null,
  upto               bigint      not null check (upto >= 0),
  reached            bigint      not null default 0,
  entries            bigint      not null default 0,
  sha256             text        collate "C" check (sha256 ~ '^[0-9a-f]{64}$'),
  started_by         text        not null collate "C" default session_user,
  started_at         timestamptz not null default clock_timestamp(),
  proposed_by        text        collate "C",
  proposed_at        timestamptz,
  proposed_seq       bigint,
  expires_at         timestamptz,
  reviewed_by        text        collate "C",
  reviewed_at        timestamptz,
  reviewed_seq       bigint,
  approved_by        text        collate "C",
  approved_at        timestamptz,
  approved_seq       bigint,
  withdrawn_by       text        collate "C",
  withdrawn_at       timestamptz,
  withdrawn_seq      bigint,
  begun_by           text        collate "C",
  begun_at           timestamptz,
  begun_seq          bigint,
  payloads           bigint      not null default 0,
  originals          bigint      not null default 0,
  keys               bigint      not null default 0,
  kept               bigint      not null default 0,
  emptied_at         timestamptz,
  gone_at            timestamptz,
  certificate_sha256 text        collate "C" check (certificate_sha256 ~ '^[0-9a-f]{64}$'),
  done_at            timestamptz,
  done_seq           bigint,
  primary key (log, disposal),
  check (num_nulls(proposed_by, proposed_at, proposed_seq, expires_at, sha256) in (0, 5)),
  check (num_nulls(reviewed_by, reviewed_at, reviewed_seq) in (0, 3)),
  check (num_nulls(approved_by, approved_at, approved_seq) in (0, 3)),
  check (num_nulls(withdrawn_by, withdrawn_at, withdrawn_seq) in (0, 3)),
  check (num_nulls(begun_by, begun_at, begun_seq) in (0, 3)),
  check (num_nulls(certificate_sha256, done_at, done_seq) in (0, 3)),
  check (reviewed_seq is null or proposed_seq is not null),
  check (approved_seq is null or standing or reviewed_seq is not null),
  check (approved_by <> reviewed_by),
  check (standing or approved_by <> proposed_by),
  check (begun_seq is null or approved_seq is not null and withdrawn_seq is null),
  check (emptied_at is null or begun_seq is not null),
  check (gone_at is null or emptied_at is not null),
  check (done_seq is null or gone_at is not null)
);
create unique index on unbroken.disposals (log, standing) where done_seq is null and withdrawn_seq is null;
-- Candidates in their order, 1000 in each lot but the last one; those of which one part goes alone in lots of their own.
create table unbroken.disposal_lots (
  log       integer        not null,
  disposal  uuid           not null,
  part      text           not null collate "C" check (part in ('both', 'originals', 'payloads')),
  nth       integer        not null check (nth > 0),
  seqs      int8multirange not null,
  first     bigint         not null,
  last      bigint         not null,
  entries   integer        not null check (entries between 1 and 1000),
  sha256    text           not null collate "C" check (sha256 ~ '^[0-9a-f]{64}$'),
  done_seq  bigint,
  payloads  integer,
  originals integer,
  keys      integer,
  kept      integer,
  primary key (log, disposal, part, nth),
  foreign key (log, disposal) references unbroken.disposals,
  check (first = lower(seqs) and last = upper(seqs) - 1),
  check (num_nulls(done_seq, payloads, originals, keys, kept) in (0, 5))
);
alter table unbroken.disposal_lots alter column seqs set statistics 0;
create index on unbroken.disposal_lots (log, disposal, part, last) where done_seq is null;
-- Where that lay, and how many vacuums of it there have to have been, by the server's count, until nothing of it is left; and how it
-- went in the end. Counted here, told by no entry: a server that is restored counts anew.
create table unbroken.disposal_places (
  log           integer     not null,
  disposal      uuid        not null,
  number        bigint      not null,
  part          text        not null collate "C" check (part in ('originals', 'payloads')),
  heap          oid         not null,
  toast         oid         not null,
  file          oid         not null,
  vacuums       bigint      not null,
  toast_vacuums bigint      not null,
  how           text        collate "C" check (how in ('dropped', 'rewritten', 'vacuumed')),
  gone_at       timestamptz,
  primary key (log, disposal, number, part),
  foreign key (log, disposal) references unbroken.disposals,
  check (num_nulls(how, gone_at) in (0, 2))
);
-- What there is in it of each class, for whoever reviews.
create table unbroken.disposal_groups (
  log      integer     not null,
  disposal uuid        not null,
  class    integer     not null,
  part     text        not null collate "C" check (part in ('both', 'originals', 'payloads')),
  policies text[]      not null collate "C",
  entries  bigint      not null,
  first    bigint      not null,
  last     bigint      not null,
  oldest   timestamptz not null,
  newest   timestamptz not null,
  primary key (log, disposal, class, part),
  foreign key (log, disposal) references unbroken.disposals,
  foreign key (log, class) references unbroken.retention_classes
);
-- What reviewers took out of it: kept until a day, or in other domains than it was recorded with, as soon as the disposal is
-- approved. For these classes or these numbers, up to the disposal's last.
create table unbroken.disposal_decisions (
  log        integer     not null,
  disposal   uuid        not null,
  nth        integer     not null check (nth > 0),
  decision   text        not null collate "C" check (decision in ('extend', 'relabel')),
  classes    integer[],
  seqs       int8multirange,
  until      timestamptz,
  domains    text[]      collate "C",
  reason     text        not null,
  decided_by text        not null collate "C",
  decided_at timestamptz not null,
  seq        bigint      not null,
  primary key (log, disposal, nth),
  foreign key (log, disposal) references unbroken.disposals,
  check (num_nulls(classes, seqs) = 1),
  check ((decision = 'extend') = (until is not null) and (decision = 'relabel') = (domains is not null))
);

-- Whether an erasure was asked for though a law asks to keep what it destroys.
alter table unbroken.erasures add column despite_floors boolean not null default false;

-- Replaced by what has other arguments or other results.
drop function if exists unbroken.ask_erasure(text, uuid, text[], boolean, text, text);
drop function if exists unbroken.plan_of_person(integer, text[], boolean, timestamptz);
drop function if exists unbroken.find_person(text, uuid, text[], boolean);
drop function if exists unbroken.prepare_erasure(text, uuid);
drop function if exists unbroken.erase_batch(text, uuid, integer);
drop function if exists unbroken.erasures(text);
