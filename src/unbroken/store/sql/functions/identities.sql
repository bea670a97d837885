-- Names and the pseudonyms that stand for them. The database has keyed hashes and encrypted names and no key: what it gives
-- away is which pseudonyms are one person's.

-- For each name, by its keyed hash, the pseudonym that stands for it: the first that it got, or else the one that is proposed
-- with it here. As proposed, for pseudonyms that were used while this log was out of reach: each is kept, beside others
-- of the same name, up to 500; one that comes after is good and leads nowhere, as a person whose pseudonyms are without
-- number could not be erased. One transaction that takes no lock of the log's; two that name the same people wait in one order.
create or replace function unbroken.identify(
  p_log text, p_lookups bytea[], p_pseudonyms text[], p_sealed bytea[], p_as_proposed boolean default false
) returns text[]
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off as $$
declare
  n     constant int := cardinality(p_lookups);
  v_log constant int := unbroken.log_for_writer(p_log);
  v_found text[];
  v_gone  text[];
begin
  if n is null or n not between 1 and 1000 or p_as_proposed is null
     or array_fill('[1:' || n || ']', array[3]) <> array[array_dims(p_lookups), array_dims(p_pseudonyms), array_dims(p_sealed)]
     or exists (select from unnest(p_lookups, p_pseudonyms, p_sealed) as u (lookup, pseudonym, sealed)
                 where (length(u.lookup) = 32 and u.pseudonym ~ '^p-[0-9a-f]{32}$' and length(u.sealed) between 1 and 4096) is not true) then
    raise exception 'identify 1 to 1000 names: each a hash of 32 bytes, a pseudonym of p- and 32 hex digits, a sealed name of 1 to 4096 bytes'
      using errcode = 'UB009';
  end if;
  v_found := unbroken.first_pseudonyms(v_log, p_lookups);
  if not p_as_proposed and array_position(v_found, null) is null then
    return v_found;
  end if;
  -- A snapshot that is older than somebody else's row would miss it.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'identify runs in READ COMMITTED' using errcode = 'UB004';
  end if;
  -- Events bear these pseudonyms as soon as this is answered, so it is on disk first, whatever the login has set.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  perform unbroken.lock_people(v_log, false);
  -- What comes late, out of a spool, for somebody who was erased meanwhile goes under a pseudonym that leads nowhere.
  v_gone := array(select u.id from unnest(p_pseudonyms) as u (id) where unbroken.is_forgotten(v_log, u.id));
  insert into identities (log, pseudonym, lookup, sealed, is_first)
  select v_log, u.pseudonym, u.lookup, u.sealed, true
    from (select distinct on (u.lookup) u.*
            from unnest(p_lookups, p_pseudonyms, p_sealed, v_found) with ordinality as u (lookup, pseudonym, sealed, found, nth)
           where u.found is null and u.pseudonym <> all (v_gone) order by u.lookup, u.nth) as u
   order by u.lookup
  on conflict do nothing;
  if p_as_proposed then
    insert into identities (log, pseudonym, lookup, sealed, is_first)
    select v_log, u.pseudonym, u.lookup, u.sealed, false
      from (select u.*, row_number() over (partition by u.lookup order by u.pseudonym) as nth,
                   (select count(*) from identities i where i.log = v_log and i.lookup = u.lookup) as held
              from unnest(p_lookups, p_pseudonyms, p_sealed) as u (lookup, pseudonym, sealed)
             where u.pseudonym <> all (v_gone) and (select i.log from identities i where i.log = v_log and i.pseudonym = u.pseudonym) is null) as u
     where u.held + u.nth <= 500
     order by u.lookup, u.pseudonym
    on conflict do nothing;
    v_found := array(select (select case when i.lookup = u.lookup then i.pseudonym end from identities i where i.log = v_log and i.pseudonym = u.pseudonym
                             union all
                             select u.pseudonym where not exists (select from identities i where i.log = v_log and i.pseudonym = u.pseudonym))
                       from unnest(p_lookups, p_pseudonyms) with ordinality as u (lookup, pseudonym, nth) order by u.nth);
  else
    v_found := unbroken.first_pseudonyms(v_log, p_lookups);
  end if;
  if array_position(v_found, null) is not null then
    raise exception 'a proposed pseudonym stands for another name already' using errcode = 'UB009';
  end if;
  return v_found;
end $$;

-- Of each name, by its keyed hash, the pseudonym that it got first; null where it has none.
create or replace function unbroken.first_pseudonyms(p_log integer, p_lookups bytea[]) returns text[]
language plpgsql volatile set search_path = unbroken, pg_temp as $$
begin
  return array(select (select i.pseudonym from identities i where i.log = p_log and i.lookup = u.lookup and i.is_first)
                 from unnest(p_lookups) with ordinality as u (lookup, nth) order by u.nth);
end $$;

-- Whether both stand for one person: they are equal, or pseudonyms of one name. Not told where it is not known.
create or replace function unbroken.same_person(p_log integer, a text, b text) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return coalesce(a = b, false) or exists (
    select from identities x join identities y on y.log = x.log and y.lookup = x.lookup
     where x.log = p_log and x.pseudonym = a and y.pseudonym = b);
end $$;

-- All pseudonyms of names that the caller knows, by their keyed hashes. Under a ticket for the whole log.
create or replace function unbroken.pseudonyms_of(p_log text, p_lookups bytea[]) returns table (lookup bytea, pseudonym text)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  if cardinality(p_lookups) is null or cardinality(p_lookups) not between 1 and 1000
     or exists (select from unnest(p_lookups) as u (lookup) where length(u.lookup) is distinct from 32) then
    raise exception 'ask for 1 to 1000 names, each by a hash of 32 bytes' using errcode = 'UB009';
  end if;
  if v_log <> all (unbroken.readable_logs()) then
    raise exception 'looking a name up needs an open ticket for the whole log: unbroken.open_ticket, committed before' using errcode = 'UB007';
  end if;
  return query
  select i.lookup, i.pseudonym from identities i
   where i.log = v_log and i.lookup = any (p_lookups) order by i.lookup, i.made_at, i.pseudonym;
end $$;

-- Puts on record that this login is going to see the names behind these pseudonyms. They are given from the next transaction
-- on, so that nobody sees them and then takes the record of it back. A ticket for one session is good for those in it.
create or replace function unbroken.ask_names(p_log text, p_ticket uuid, p_pseudonyms text[]) returns uuid
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log    constant int := unbroken.log_for_reader(p_log);
  v_lookup constant uuid := gen_random_uuid();
  v_asked  text[];
  v_ticket unbroken.tickets;
  v_seq    bigint;
begin
  if cardinality(p_pseudonyms) is null or cardinality(p_pseudonyms) not between 1 and 1000
     or exists (select from unnest(p_pseudonyms) as u (pseudonym) where (u.pseudonym ~ '^p-[0-9a-f]{32}$') is not true) then
    raise exception 'ask for the names of 1 to 1000 pseudonyms, each p- and 32 hex digits' using errcode = 'UB009';
  end if;
  select t.* into v_ticket from unbroken.open_tickets() t where t.log = v_log and t.ticket = p_ticket;
  if not found then
    raise exception 'seeing names needs an open ticket of this login: unbroken.open_ticket, committed before' using errcode = 'UB007';
  end if;
  if v_ticket.session_id is not null and exists (
       select unnest(p_pseudonyms)
       except
       select m.found[1] from entries e cross join lateral regexp_matches(concat_ws(' ', e.event, e.principal), 'p-[0-9a-f]{32}', 'g') as m (found)
        where e.log = v_log and e.session_id = v_ticket.session_id) then
    raise exception 'this ticket opens one session, and not all of these pseudonyms stand in it' using errcode = 'UB008';
  end if;
  v_asked := array(select distinct u.pseudonym collate "C" from unnest(p_pseudonyms) as u (pseudonym) order by 1);
  v_seq := unbroken.append_own(v_log, 'log.names_asked', jsonb_build_object(
    'lookup', v_lookup, 'ticket', p_ticket, 'pseudonyms', to_jsonb(v_asked)), v_lookup);
  insert into name_lookups (log, lookup, ticket, pseudonyms, login, asked_seq, asked_at, asked_xid)
  values (v_log, v_lookup, p_ticket, v_asked, session_user, v_seq, clock_timestamp(), pg_current_xact_id());
  return v_lookup;
end $$;

-- The sealed names that a look-up asked for, while its ticket is open; without those that are not known, or not any more.
create or replace function unbroken.names(p_log text, p_lookup uuid) returns table (pseudonym text, sealed bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked unbroken.name_lookups;
begin
  select l.* into v_asked from name_lookups l
   where l.log = v_log and l.lookup = p_lookup and l.login = session_user and l.asked_xid is distinct from pg_current_xact_id_if_assigned();
  if not found or not exists (select from unbroken.open_tickets() t where t.log = v_log and t.ticket = v_asked.ticket) then
    raise exception 'there is no such look-up of this login, asked and committed before under a ticket that is still open: unbroken.ask_names'
      using errcode = 'UB007';
  end if;
  return query
  select i.pseudonym, i.sealed from identities i
   where i.log = v_log and i.pseudonym = any (v_asked.pseudonyms) order by i.pseudonym;
end $$;
