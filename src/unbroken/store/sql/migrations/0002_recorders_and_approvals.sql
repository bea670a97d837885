-- Which login a recorder's id belongs to, and what is known of requests for approval.

-- Bound at first use and for ever: nobody else can fill, or make, gaps in a recorder's numbers.
create table unbroken.recorders (
  log      integer     not null,
  recorder uuid        not null,
  login    text        not null collate "C",
  bound_at timestamptz not null default clock_timestamp(),
  primary key (log, recorder)
);

-- One row per request, filled in by append as its decision and its use are recorded. A table for speed: the entries at
-- these numbers are the truth.
create table unbroken.approvals (
  log             integer not null,
  request         uuid    not null,
  requested_seq   bigint  not null,
  tool            text    not null collate "C",
  call_id         text    not null collate "C",
  arguments_hash  text    not null collate "C",
  actor_id        text    not null collate "C",
  agent_id        text    collate "C",
  requested_until timestamptz not null,
  decided_seq     bigint,
  outcome         text    collate "C",
  approved_until  timestamptz,
  used_seq        bigint,
  primary key (log, request),
  check ((decided_seq is null) = (outcome is null)),
  check (outcome in ('approved', 'denied')),
  check (used_seq is null or outcome = 'approved')
);
create index on unbroken.approvals (log, call_id, requested_seq);
create index on unbroken.approvals (log, requested_seq) where decided_seq is null;
