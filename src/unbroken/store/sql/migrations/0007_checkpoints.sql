-- The tree over the entries, its signed heads, where those were taken, and whether a database still holds what was signed.

-- RFC 6962 over entries.hash, in tiles of 256 (C2SP tlog-tiles). Level 0 is entries.hash itself; a tile above it grows
-- until it is full, only ever by what is put behind.
create table unbroken.tiles (
  log    integer  not null references unbroken.logs,
  level  smallint not null check (level between 1 and 7),
  index  bigint   not null check (index >= 0),
  hashes bytea    not null check (length(hashes) >= 32 and length(hashes) <= 8192 and length(hashes) % 32 = 0),
  primary key (log, level, index)
);
alter table unbroken.tiles alter column hashes set storage external;

-- What the notary signed, a row for each size. When nothing is new it signs the same tree with a later time.
create table unbroken.checkpoints (
  log       integer     not null references unbroken.logs,
  size      bigint      not null check (size > 0),
  root      bytea       not null check (length(root) = 32),
  note      text        not null collate "C" check (octet_length(note) between 1 and 65536),
  signed_at timestamptz not null,
  stored_at timestamptz not null default clock_timestamp(),
  stored_by text        not null collate "C" default session_user,
  primary key (log, size)
);

-- What anchors answered: of some kinds the only copy.
create table unbroken.anchorings (
  log       integer     not null references unbroken.logs,
  anchor    text        not null collate "C" check (octet_length(anchor) between 1 and 255),
  kind      text        not null collate "C" check (octet_length(kind) between 1 and 64),
  size      bigint      not null check (size >= 0),
  root      bytea       not null check (length(root) = 32),
  receipt   bytea       not null check (length(receipt) between 1 and 1048576),
  digest    bytea       not null check (digest = sha256(receipt)),
  at        timestamptz,
  stored_at timestamptz not null default clock_timestamp(),
  stored_by text        not null collate "C" default session_user,
  primary key (log, anchor, digest)
);
alter table unbroken.anchorings alter column receipt set storage external;
create index on unbroken.anchorings (log, size);

-- Which keys sign checkpoints, as signed statements (spec/KEYS.md).
create table unbroken.key_statements (
  log       integer not null references unbroken.logs,
  nth       integer not null check (nth > 0),
  change    text    not null collate "C" check (change in ('first', 'rotated', 'lost')),
  key       text    not null collate "C" check (octet_length(key) between 1 and 1024),
  statement text    not null collate "C" check (octet_length(statement) between 1 and 16384),
  seq       bigint  not null,
  primary key (log, nth)
);

-- Where a log has a notary: on which start of which server it has confirmed that this is the log that it signed. Elsewhere
-- the log takes no entries. Without 'started_at' each start of the same server counts as confirmed.
create table unbroken.continuity (
  log               integer     primary key references unbroken.logs,
  started_at        timestamptz,
  system_identifier bigint      not null,
  timeline          integer     not null,
  relation          oid         not null,
  size              bigint      not null,
  root              bytea       not null check (length(root) = 32),
  confirmed_at      timestamptz not null default clock_timestamp(),
  confirmed_by      text        not null collate "C" default session_user,
  closed_because    text        collate "C" check (octet_length(closed_because) between 1 and 2000),
  closed_at         timestamptz,
  closed_by         text        collate "C",
  check (num_nulls(closed_because, closed_at, closed_by) in (0, 3))
);

-- Alarms that were told lately, so that one that goes on doesn't fill the log.
create table unbroken.alarms (
  log     integer     not null references unbroken.logs,
  type    text        not null collate "C",
  details jsonb       not null,
  seq     bigint      not null,
  told_at timestamptz not null default clock_timestamp(),
  primary key (log, seq)
);
create index on unbroken.alarms (log, type, told_at);

-- Whoever signs has a duty of its own.
alter table unbroken.grants
  drop constraint grants_duty_check,
  add constraint grants_duty_check
    check (duty in ('writer', 'server', 'ops', 'compliance', 'legal', 'dpo', 'subjects', 'retention', 'verifier', 'access', 'notary'));
