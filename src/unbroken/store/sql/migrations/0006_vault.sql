-- Originals, sealed to keys that whoever records can only seal with; and what was destroyed for whom.

-- Key pairs made beforehand. One belongs to nobody until a recorder first needs one for a person or a session, and is that
-- holder's for good. The public half stays: what comes for somebody who was erased is sealed to a key that nothing opens.
create table unbroken.subject_keys (
  log           integer     not null references unbroken.logs,
  key_id        text        not null collate "C" check (key_id ~ '^v-[0-9a-f]{32}$'),
  public        bytea       not null check (length(public) = 1216),
  endorsement   text        not null collate "C" check (endorsement ~ '^k[0-9a-z]{1,16}:[0-9a-f]{64}$'),
  made_at       timestamptz not null default clock_timestamp(),
  made_by       text        not null collate "C" default session_user,
  holder_kind   text        collate "C" check (holder_kind in ('subject', 'session')),
  holder        text        collate "C" check (octet_length(holder) between 1 and 1024),
  assigned_at   timestamptz,
  assigned_to   text        collate "C",
  destroyed_seq bigint,
  primary key (log, key_id),
  check (num_nulls(holder_kind, holder, assigned_at, assigned_to) in (0, 4))
);
-- Decides between two that need a key for one holder at once.
create unique index on unbroken.subject_keys (log, holder_kind, holder) where destroyed_seq is null and holder is not null;
create index on unbroken.subject_keys (log, holder_kind, holder) where destroyed_seq is not null;
create index on unbroken.subject_keys (log, key_id) where holder is null and destroyed_seq is null;

-- The private halves, wrapped by a key that is not here. In a small table of their own, which is rewritten as a whole to have
-- a destroyed one leave the files too. No row: destroyed.
create table unbroken.wrapped_keys (
  log        integer not null,
  key_id     text    not null collate "C",
  wrapped    bytea   not null check (length(wrapped) between 1 and 4096),
  wrapped_by text    not null collate "C" check (wrapped_by ~ '^[0-9a-z][0-9a-z._-]{0,63}$'),
  primary key (log, key_id),
  foreign key (log, key_id) references unbroken.subject_keys
);
create index on unbroken.wrapped_keys (log, wrapped_by, key_id);

-- What an event was before redaction.
create table unbroken.originals (
  log        integer not null,
  seq        bigint  not null,
  ciphertext bytea   not null,
  primary key (log, seq)
) partition by range (log, seq);
alter table unbroken.originals alter column ciphertext set storage external;

-- ANALYZE keeps samples of what it reads, and nothing would take those out again when what they are of is erased.
alter table unbroken.identities alter column lookup set statistics 0, alter column sealed set statistics 0;
alter table unbroken.wrapped_keys alter column wrapped set statistics 0;
do $$
declare
  v_table record;
begin
  for v_table in
    select c.oid::regclass::text as name from pg_class c
     where c.oid = 'unbroken.payloads'::regclass or c.oid in (select i.inhrelid from pg_inherits i where i.inhparent = 'unbroken.payloads'::regclass)
  loop
    execute format('alter table %s alter column inputs set statistics 0, alter column inputs_salt set statistics 0,'
                   ' alter column outputs set statistics 0, alter column outputs_salt set statistics 0,'
                   ' alter column details set statistics 0, alter column details_salt set statistics 0', v_table.name);
  end loop;
end $$;
alter table unbroken.originals alter column ciphertext set statistics 0;
do $$
declare
  v_payloads record;
  v_child    text;
begin
  for v_payloads in
    select c.relname, pg_get_expr(c.relpartbound, c.oid) as bounds
      from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'unbroken.payloads'::regclass
  loop
    v_child := replace(v_payloads.relname, 'payloads', 'originals');
    execute format('create table unbroken.%I partition of unbroken.originals %s', v_child, v_payloads.bounds);
    execute format('alter table unbroken.%I alter column ciphertext set statistics 0', v_child);
    execute format('create trigger refuse_truncate before truncate on unbroken.%I execute function unbroken.refuse_change()', v_child);
    execute format('alter table unbroken.%I enable always trigger refuse_truncate', v_child);
  end loop;
end $$;

-- Who asked to see which originals, or to wrap keys anew. No row without its entry.
create table unbroken.openings (
  log       integer     not null references unbroken.logs,
  opening   uuid        not null,
  kind      text        not null collate "C" check (kind in ('open', 'match', 'rewrap')),
  ticket    uuid,
  seqs      bigint[],
  wraps_to  text        collate "C",
  login     text        not null collate "C",
  asked_seq bigint      not null,
  asked_at  timestamptz not null,
  asked_xid xid8        not null,
  done_seq  bigint,
  primary key (log, opening),
  check ((kind = 'rewrap') = (wraps_to is not null) and (kind = 'rewrap') = (seqs is null) and (kind = 'rewrap') = (ticket is null)),
  foreign key (log, ticket) references unbroken.tickets
);

-- What is destroyed for a person: asked for by one, confirmed by another, or brought back from the ledger outside after a
-- restore. 'reached' is the number up to which the batches are through.
create table unbroken.erasures (
  log                integer     not null references unbroken.logs,
  erasure            uuid        not null,
  basis              text        not null collate "C" check (basis in ('two people', 'ledger')),
  subjects           text[]      not null collate "C",
  with_acted         boolean     not null,
  planned            jsonb,
  case_name          text,
  reason             text,
  requested_by       text        collate "C",
  requested_at       timestamptz,
  requested_seq      bigint,
  expires_at         timestamptz,
  confirmed_by       text        collate "C",
  confirmed_at       timestamptz,
  confirmed_seq      bigint,
  withdrawn_by       text        collate "C",
  withdrawn_seq      bigint,
  upto_at            timestamptz,
  order_sha256       text        collate "C" check (order_sha256 ~ '^[0-9a-f]{64}$'),
  begun_by           text        collate "C",
  begun_at           timestamptz,
  begun_seq          bigint,
  reached            bigint      not null default 0,
  keys               bigint      not null default 0,
  payloads           bigint      not null default 0,
  originals          bigint      not null default 0,
  certificate_sha256 text        collate "C" check (certificate_sha256 ~ '^[0-9a-f]{64}$'),
  done_at            timestamptz,
  done_seq           bigint,
  primary key (log, erasure),
  check (cardinality(subjects) between 1 and 10000),
  check (basis = 'ledger' or num_nulls(requested_by, requested_at, requested_seq, expires_at) = 0),
  check (num_nulls(confirmed_by, confirmed_at, confirmed_seq) in (0, 3)),
  check (confirmed_by <> requested_by),
  check (num_nulls(withdrawn_by, withdrawn_seq) in (0, 2)),
  check (num_nulls(order_sha256, begun_by, begun_at, begun_seq) in (0, 4)),
  check (begun_seq is null or upto_at is not null and (basis = 'ledger' or confirmed_seq is not null) and withdrawn_seq is null),
  check (num_nulls(certificate_sha256, done_at, done_seq) in (0, 3)),
  check (done_seq is null or begun_seq is not null)
);

-- The sessions in which somebody who is being erased acts or is named, as each entry that goes is held against them.
create table unbroken.erasure_sessions (
  log        integer not null,
  erasure    uuid    not null,
  session_id text    not null collate "C",
  primary key (log, erasure, session_id),
  foreign key (log, erasure) references unbroken.erasures
);

-- Pseudonyms behind which nobody can be found any more, with the entry that tells of it.
create table unbroken.forgotten (
  log       integer not null references unbroken.logs,
  pseudonym text    not null collate "C",
  seq       bigint  not null,
  primary key (log, pseudonym)
);

-- The servers, and their time lines, on which people may read this log: a restored one has to be brought up to what was
-- erased since its backup first. 'relation' is this table's own number, which is another one where a dump was loaded.
create table unbroken.recoveries (
  log               integer     not null references unbroken.logs,
  system_identifier bigint      not null,
  timeline          integer     not null,
  relation          oid         not null,
  seq               bigint,
  at                timestamptz not null default clock_timestamp(),
  by                text        not null collate "C" default session_user,
  primary key (log, system_identifier, timeline, relation)
);
insert into unbroken.recoveries (log, system_identifier, timeline, relation)
select l.log, s.system_identifier, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer, 'unbroken.recoveries'::regclass
  from unbroken.logs l, pg_control_system() s;

-- Whom an entry is about, to find all that there is about somebody. Taken from the event by append.
alter table unbroken.entries add column subjects text[] collate "C";
create function unbroken.subjects_before(p_event text) returns text[]
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  return array(select json_array_elements_text(p_event::json -> 'subjects'));
exception when data_exception or program_limit_exceeded then
  return null;
end $$;
do $$
begin
  if exists (select from pg_trigger where tgrelid = 'unbroken.entries'::regclass and tgname = 'refuse_change') then
    alter table unbroken.entries disable trigger refuse_change;
    update unbroken.entries set subjects = nullif(unbroken.subjects_before(event), '{}') where event like '%,"subjects":[%';
    alter table unbroken.entries enable always trigger refuse_change;
  end if;
end $$;
drop function unbroken.subjects_before(text);
-- Kept current at once: what waits for a later clean-up makes somebody's append wait for it.
create index on unbroken.entries using gin (subjects) with (fastupdate = off) where subjects is not null;

-- Who read, was given access, or saw, opened and destroyed what is whose.
drop index unbroken.entries_log_event_type_recorded_at_seq_idx;
create index on unbroken.entries (log, event_type, recorded_at, seq) where event_type in ('access_granted', 'access_revoked',
  'log.access_requested', 'log.access_withdrawn', 'log.erased', 'log.erasure_confirmed', 'log.erasure_reapplied', 'log.erasure_requested',
  'log.erasure_withdrawn', 'log.names_asked', 'log.original_asked', 'log.original_opened', 'log.read', 'log.read_completed',
  'log.read_denied', 'log.restored', 'log.vault_refilled', 'log.vault_rewrapped', 'log.vault_rewrapping');

-- Replaced by what has other arguments.
drop function if exists unbroken.append(text, text[], text[], bytea[], text[], bytea[], text[], bytea[], text);
drop function if exists unbroken.append_early(text, text[], text[], bytea[], text[], bytea[], text[], bytea[], text);
drop function if exists unbroken.append_one(integer, text, text, text, bytea, text, bytea, text, bytea, text);
