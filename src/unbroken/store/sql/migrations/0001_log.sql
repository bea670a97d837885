-- The log: what is kept, and the shape of an event.
-- Runs as unbroken_owner. Every text key is COLLATE "C": bytewise, so the order does not change with the server's locale.

-- One row per incarnation of a log. Only locked, never updated: the head is the newest entry.
create table unbroken.logs (
  log         integer generated always as identity primary key,
  origin      text    not null collate "C",
  incarnation integer not null default 1,
  created_at  timestamptz not null default clock_timestamp(),
  created_lsn pg_lsn not null default pg_current_wal_lsn(),
  unique (origin, incarnation),
  check (origin <> '' and octet_length(origin) <= 255 and origin !~ '[~[:cntrl:]]' and incarnation > 0)
);

-- Which login may record into which log.
create table unbroken.grants (
  log        integer     not null references unbroken.logs,
  login      text        not null collate "C",
  duty       text        not null collate "C" check (duty in ('writer')),
  granted_at timestamptz not null default clock_timestamp(),
  granted_by text        not null collate "C" default session_user,
  primary key (log, login, duty)
);

-- What a recorder says happened. Attributes stand in RFC 8785 order, so what this type prints is the canonical text.
create type unbroken.decision as (arguments_hash text, at text, by text, outcome text, policy text, request uuid);
create type unbroken.event as (
  actor_id text, actor_type text, agent_id text, agent_name text, agent_version text, call_id text, capture text,
  classification text, cost_source text, cost_usd text, decision unbroken.decision, details text,
  domains text[] collate "C", event_type text, id uuid, input_tokens bigint, inputs text, latency_ms bigint,
  model text, original text, output_tokens bigint, outputs text, parent_id uuid, prompt_hash text, purpose text,
  recipient text, recorder uuid, recorder_seq bigint, redactions text[] collate "C", resource_id text,
  resource_type text, rules text, scope text[] collate "C", session_id text, side_effect boolean,
  source_address text, span_id text, status text, subjects text[] collate "C", tool text, trace_id text, ts text,
  turn_id text
);

-- The columns from id on are taken from the event by append, in the same parse that checked it.
create table unbroken.entries (
  log           integer     not null,
  seq           bigint      not null,
  session_seq   bigint,
  recorded_at   timestamptz not null,
  writer        text        not null collate "C",
  principal     text        collate "C",
  prev_hash     bytea       not null,
  hash          bytea       not null,
  event         text        not null collate "C",
  id            uuid        not null,
  event_type    text        not null collate "C",
  actor_id      text        not null collate "C",
  agent_id      text        collate "C",
  session_id    text        collate "C",
  tool          text        collate "C",
  side_effect   boolean,
  outcome       text        collate "C",
  resource_type text        collate "C",
  resource_id   text        collate "C",
  primary key (log, seq)
) partition by range (log, seq);

create index on unbroken.entries (log, actor_id, seq);
create index on unbroken.entries (log, session_id, seq) where session_id is not null;
create index on unbroken.entries (log, resource_id, seq) where resource_id is not null;
create index on unbroken.entries (log, seq) where side_effect and outcome is distinct from 'approved';
create index on unbroken.entries (log, recorded_at) where event_type = 'error';
create index on unbroken.entries using brin (recorded_at);

-- What the commitments in an event were made of. A part and its salt are there together or not at all.
create table unbroken.payloads (
  log           integer not null,
  seq           bigint  not null,
  inputs        text    collate "C",
  inputs_salt   bytea,
  outputs       text    collate "C",
  outputs_salt  bytea,
  details       text    collate "C",
  details_salt  bytea,
  primary key (log, seq)
) partition by range (log, seq);

-- pglz, the default, costs more than everything else that append does; LZ4 is not in every build.
do $$
declare
  part text;
begin
  foreach part in array array['inputs', 'outputs', 'details'] loop
    begin
      execute format('alter table unbroken.payloads alter column %I set compression lz4', part);
    exception when feature_not_supported then
      execute format('alter table unbroken.payloads alter column %I set storage external', part);
    end;
  end loop;
end $$;

-- An event's id is unique in its log for ever, across partitions and archives.
create table unbroken.event_ids (
  log integer not null,
  id  uuid    not null,
  seq bigint  not null,
  primary key (log, id)
);

-- Per session how many entries there are, so that the next one gets its number. Never deleted, or numbers would repeat.
create table unbroken.sessions (
  log        integer not null,
  session_id text    not null collate "C",
  entries    bigint  not null,
  first_seq  bigint  not null,
  last_seq   bigint  not null,
  primary key (log, session_id)
);
