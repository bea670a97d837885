-- What append is held against: the same columns without the door, with the indexes that a team would make at once, and
-- everything else as the server does it by default.
create table plain_entries (
  log           integer     not null,
  seq           bigint      not null,
  session_seq   bigint,
  recorded_at   timestamptz not null,
  writer        text        not null,
  principal     text,
  prev_hash     bytea       not null,
  hash          bytea       not null,
  event         text        not null,
  id            uuid        not null,
  event_type    text        not null,
  actor_id      text        not null,
  agent_id      text,
  session_id    text,
  tool          text,
  side_effect   boolean,
  outcome       text,
  resource_type text,
  resource_id   text
);
create unique index on plain_entries (log, seq);
create unique index on plain_entries (log, id);
create index on plain_entries (log, actor_id, recorded_at);
create index on plain_entries (log, agent_id, recorded_at);
create index on plain_entries (log, session_id, seq);
create index on plain_entries (log, resource_id, recorded_at);
create index on plain_entries (log, recorded_at);

create table plain_payloads (
  log           integer not null,
  seq           bigint  not null,
  inputs        text,
  inputs_salt   bytea,
  outputs       text,
  outputs_salt  bytea,
  details       text,
  details_salt  bytea,
  primary key (log, seq)
);

grant insert on plain_entries, plain_payloads to writer;
