-- Who stands behind a pseudonym, what tools and data are, and what was found in an event.

-- From a name to the pseudonym that stands for it, and back: lookup is a keyed hash of the name, sealed the name itself,
-- encrypted; the key of both is not here. Of several pseudonyms of one name, made apart from one another, the first is the one
-- that is given to whoever asks.
create table unbroken.identities (
  log       integer     not null,
  pseudonym text        not null collate "C" check (pseudonym ~ '^p-[0-9a-f]{32}$'),
  lookup    bytea       not null check (length(lookup) = 32),
  sealed    bytea       not null check (length(sealed) between 1 and 4096),
  is_first  boolean     not null,
  made_at   timestamptz not null default clock_timestamp(),
  made_by   text        not null collate "C" default session_user,
  primary key (log, pseudonym)
);
-- Decides between two that name one person at once.
create unique index on unbroken.identities (log, lookup) where is_first;
create index on unbroken.identities (log, lookup);

-- Who asked for the names behind which pseudonyms. No row without its entry.
create table unbroken.name_lookups (
  log        integer     not null references unbroken.logs,
  lookup     uuid        not null,
  ticket     uuid        not null,
  pseudonyms text[]      not null collate "C",
  login      text        not null collate "C",
  asked_seq  bigint      not null,
  asked_at   timestamptz not null,
  asked_xid  xid8        not null,
  primary key (log, lookup),
  foreign key (log, ticket) references unbroken.tickets
);

-- What tools, data sources and resource types are and how their data is treated: versions of one TOML text, counted from 1.
-- No row without its entry.
create table unbroken.registries (
  log        integer     not null references unbroken.logs,
  version    integer     not null check (version > 0),
  text       text        not null check (octet_length(text) <= 1048576),
  sha256     text        not null collate "C",
  loaded_at  timestamptz not null,
  loaded_by  text        not null collate "C",
  loaded_seq bigint      not null,
  primary key (log, version)
);

-- Names that events bore and no registry knew, for a person to look at.
create table unbroken.unclassified (
  log      integer     not null,
  kind     text        not null collate "C" check (kind in ('tool', 'source', 'resource')),
  name     text        not null collate "C" check (octet_length(name) between 1 and 1024),
  noted_at timestamptz not null default clock_timestamp(),
  noted_by text        not null collate "C" default session_user,
  primary key (log, kind, name)
);

-- What was found in an event: any of card, health, personal, secret; null for nothing. Taken from the event by append.
alter table unbroken.entries add column contains text[] collate "C";
create index on unbroken.entries (log, recorded_at, seq) where contains is not null;
create index on unbroken.entries (log, recorded_at, seq) where 'health' = any (contains);
create index on unbroken.entries (log, recorded_at, seq) where 'card' = any (contains);

-- The entries that are there get theirs as append would have given it. What is no event any more gets none: a verifier
-- tells of it anyway.
create function unbroken.found_before(p_event text) returns text[]
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  return (
    select array_agg(distinct flag collate "C" order by flag collate "C")
      from json_array_elements_text(p_event::json -> 'redactions') as item,
           unnest(case split_part(item, ':', 1)
             when 'CREDIT_CARD' then '{card,personal}' when 'CARD_TRACK' then '{card,personal}'
             when 'CARD_EXPIRY' then '{card}' when 'CARD_CODE' then '{card}'
             when 'MEDICAL_RECORD' then '{health,personal}' when 'HEALTH_PLAN' then '{health,personal}'
             when 'US_MBI' then '{health,personal}' when 'US_NPI' then '{health,personal}'
             when 'UK_NHS' then '{health,personal}' when 'MEDICAL_LICENSE' then '{health,personal}'
             when 'DE_HEALTH_INSURANCE' then '{health,personal}' when 'DE_LANR' then '{health,personal}'
             when 'AU_MEDICARE' then '{health,personal}' when 'DE_BSNR' then '{health}'
             when 'SECRET' then '{secret}' when 'API_KEY' then '{secret}' when 'PASSWORD' then '{secret}'
             when 'PRIVATE_KEY' then '{secret}' when 'JWT' then '{secret}' when 'URL_CREDENTIALS' then '{secret}'
             when 'CONNECTION_SECRET' then '{secret}' when 'UNSCANNED' then '{}'
             else '{personal}' end::text[]) as flag);
exception when data_exception or program_limit_exceeded then
  return null;
end $$;
do $$
begin
  if exists (select from pg_trigger where tgrelid = 'unbroken.entries'::regclass and tgname = 'refuse_change') then
    alter table unbroken.entries disable trigger refuse_change;
    update unbroken.entries set contains = unbroken.found_before(event) where event like '%,"redactions":[%';
    alter table unbroken.entries enable always trigger refuse_change;
  end if;
end $$;
drop function unbroken.found_before(text);

-- Who read and who was given access, now with who asked for names.
drop index unbroken.entries_log_event_type_recorded_at_seq_idx;
create index on unbroken.entries (log, event_type, recorded_at, seq) where event_type in ('access_granted', 'access_revoked',
  'log.access_requested', 'log.access_withdrawn', 'log.names_asked', 'log.read', 'log.read_completed', 'log.read_denied');
