-- Vault keys: a pool that is filled where originals may be opened, from which whoever records gets public halves. The private
-- ones are wrapped by a key that is not in this database.

-- The dpo's log. Filling the pool and wrapping anew are for whoever may open.
create or replace function unbroken.refill_vault(
  p_log text, p_ids text[], p_publics bytea[], p_endorsements text[], p_wrapped bytea[], p_wrapped_by text
) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  n     constant int := cardinality(p_ids);
  v_log constant int := unbroken.log_for_reader(p_log);
  v_seq bigint;
begin
  if n is null or n not between 1 and 1000
     or array_fill('[1:' || n || ']', array[4]) <> array[array_dims(p_ids), array_dims(p_publics), array_dims(p_endorsements), array_dims(p_wrapped)] then
    raise exception 'refill with 1 to 1000 keys: an id, a public half, an endorsement and a wrapped half each' using errcode = 'UB009';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.vault_refilled', jsonb_build_object('count', n, 'wrapped_by', p_wrapped_by));
  insert into subject_keys (log, key_id, public, endorsement)
  select v_log, u.* from unnest(p_ids, p_publics, p_endorsements) as u;
  insert into wrapped_keys (log, key_id, wrapped, wrapped_by)
  select v_log, u.key_id, u.wrapped, p_wrapped_by from unnest(p_ids, p_wrapped) as u (key_id, wrapped);
  return v_seq;
exception when check_violation or not_null_violation or unique_violation then
  raise exception 'these are no new keys, each of 1216 bytes with its id and endorsement: none was added' using errcode = 'UB009';
end $$;

-- How many keys there are under each key-encryption key: free, assigned; and how many are destroyed.
create or replace function unbroken.vault_state(p_log text) returns table (wrapped_by text, free bigint, assigned bigint, destroyed bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select w.wrapped_by, count(*) filter (where k.holder is null and k.destroyed_seq is null),
         count(*) filter (where k.holder is not null and k.destroyed_seq is null), count(*) filter (where k.destroyed_seq is not null)
    from subject_keys k left join wrapped_keys w on w.log = k.log and w.key_id = k.key_id
   where k.log = v_log group by w.wrapped_by order by w.wrapped_by;
end $$;

-- The pseudonyms of the name that this one stands for; itself alone where that is not known.
create or replace function unbroken.namesakes(p_log integer, p_pseudonym text) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return array(select p_pseudonym union
               select y.pseudonym from identities x join identities y on y.log = x.log and y.lookup = x.lookup
                where x.log = p_log and x.pseudonym = p_pseudonym);
end $$;

-- Held to the end of a transaction that gives keys or pseudonyms to people, by many at once; or that takes them away, alone. So
-- nothing is given to somebody whose last is being taken. Before the log's lock, where both are needed.
create or replace function unbroken.lock_people(p_log integer, p_alone boolean) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if p_alone then
    perform from pseudonym_keys k where k.log = p_log for update;
  else
    perform from pseudonym_keys k where k.log = p_log for key share;
  end if;
end $$;

-- The key of a holder, or null. The pseudonym of somebody who was erased keeps the key that is destroyed, so that nothing opens
-- what still comes for them; an id that is none may come to stand for somebody else, and gets another. So does whoever has lost a
-- key for another's sake: after a restore the pool may give away once more what an order names.
create or replace function unbroken.key_of_holder(p_log integer, p_kind text, p_holder text) returns text
language plpgsql volatile set search_path = unbroken, pg_temp as $$
declare
  v_holders constant text[] := case when p_kind = 'subject' then unbroken.namesakes(p_log, p_holder) else array[p_holder] end;
  v_key     text;
begin
  -- Each in the index that is its own.
  select k.key_id into v_key from subject_keys k
   where k.log = p_log and k.holder_kind = p_kind and k.holder = any (v_holders) and k.holder is not null and k.destroyed_seq is null
   order by k.assigned_at, k.key_id limit 1;
  if not found and p_kind = 'subject' and exists (select from forgotten f where f.log = p_log and f.pseudonym = p_holder) then
    select k.key_id into v_key from subject_keys k
     where k.log = p_log and k.holder_kind = p_kind and k.holder = any (v_holders) and k.destroyed_seq is not null
     order by k.destroyed_seq, k.key_id limit 1;
  end if;
  return v_key;
end $$;

-- Gives a free key to a holder that has none; null where there is no free one. Looks from a random place on, or whoever needs
-- one would step over all that were given away since the oldest statement began.
create or replace function unbroken.assign_key(p_log integer, p_kind text, p_holder text) returns text
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_from constant text := 'v-' || translate(gen_random_uuid()::text, '-', '');
  v_key  text;
begin
  select k.key_id into v_key from subject_keys k
   where k.log = p_log and k.holder is null and k.destroyed_seq is null and k.key_id >= v_from
   order by k.key_id limit 1 for update skip locked;
  if not found then
    select k.key_id into v_key from subject_keys k
     where k.log = p_log and k.holder is null and k.destroyed_seq is null and k.key_id < v_from
     order by k.key_id limit 1 for update skip locked;
  end if;
  if v_key is not null then
    update subject_keys set holder_kind = p_kind, holder = p_holder, assigned_at = clock_timestamp(), assigned_to = session_user
     where log = p_log and key_id = v_key;
  end if;
  return v_key;
exception when unique_violation then
  -- Somebody else's came first, and is committed.
  return unbroken.key_of_holder(p_log, p_kind, p_holder);
end $$;

-- Whether some of these keys are asked for the first time in a day. That is noted, so that none is destroyed as long as what was
-- sealed to it may still arrive.
create or replace function unbroken.are_asked_anew(p_log integer, p_keys text[]) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return exists (select from subject_keys k where k.log = p_log and k.key_id = any (p_keys) and k.destroyed_seq is null
                    and k.asked_at < clock_timestamp() - interval '1 day');
end $$;

-- The public keys to seal with for these holders, in their order; nulls where the pool is empty, no rows where nobody ever
-- set up a vault. One transaction that takes no lock of the log's.
create or replace function unbroken.vault_keys(p_log text, p_kinds text[], p_holders text[])
returns table (key_id text, public bytea, endorsement text)
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off as $$
#variable_conflict use_column
declare
  n      constant int := cardinality(p_kinds);
  v_log  constant int := unbroken.log_for_writer(p_log);
  v_keys text[];
begin
  if n is null or n not between 1 and 1000 or array_fill('[1:' || n || ']', array[2]) <> array[array_dims(p_kinds), array_dims(p_holders)]
     or exists (select from unnest(p_kinds, p_holders) as u (kind, holder)
                 where (u.kind in ('subject', 'session') and octet_length(u.holder) between 1 and 1024) is not true) then
    raise exception 'ask for the keys of 1 to 1000 holders: a subject or a session each, of 1 to 1024 bytes' using errcode = 'UB009';
  end if;
  if not exists (select from subject_keys k where k.log = any (unbroken.incarnations_of(v_log))) then
    return;
  end if;
  v_keys := array(select unbroken.key_of_holder(v_log, u.kind, u.holder) from unnest(p_kinds, p_holders) with ordinality as u (kind, holder, nth) order by u.nth);
  if array_position(v_keys, null) is not null or unbroken.are_asked_anew(v_log, v_keys) then
    -- A snapshot that is older than somebody else's row would miss it.
    if current_setting('transaction_isolation') <> 'read committed' then
      raise exception 'vault_keys runs in READ COMMITTED' using errcode = 'UB004';
    end if;
    -- Originals are sealed to these as soon as this is answered, so it is on disk first, whatever the login has set.
    if current_setting('synchronous_commit') = 'off' then
      perform set_config('synchronous_commit', 'on', true);
    end if;
    perform unbroken.lock_people(v_log, false);
    v_keys := array(select unbroken.key_of_holder(v_log, u.kind, u.holder) from unnest(p_kinds, p_holders) with ordinality as u (kind, holder, nth) order by u.nth);
    -- In one order, so that two that need keys for the same people wait and do not stop each other.
    perform unbroken.assign_key(v_log, u.kind, u.holder)
       from (select distinct u.kind collate "C" as kind, u.holder collate "C" as holder
               from unnest(p_kinds, p_holders, v_keys) as u (kind, holder, key) where u.key is null order by 1, 2) as u;
    v_keys := array(select unbroken.key_of_holder(v_log, u.kind, u.holder) from unnest(p_kinds, p_holders) with ordinality as u (kind, holder, nth) order by u.nth);
    -- Whoever is at it meanwhile says the same.
    update subject_keys set asked_at = clock_timestamp()
     where log = v_log and key_id in (select k.key_id from subject_keys k
                                       where k.log = v_log and k.key_id = any (v_keys) and k.destroyed_seq is null
                                         and k.asked_at < clock_timestamp() - interval '1 day'
                                       for no key update skip locked);
  end if;
  return query
  select k.key_id, k.public, k.endorsement
    from unnest(v_keys) with ordinality as u (key, nth) left join subject_keys k on k.log = v_log and k.key_id = u.key
   order by u.nth;
end $$;

-- The keys that a sealed original takes, by their ids; null for bytes that are not laid out as one (version 1).
create or replace function unbroken.keys_of_original(p_original bytea) returns text[]
language plpgsql immutable set search_path = unbroken, pg_temp as $$
declare
  n      int;
  v_at   int;
  v_keys text[] := '{}';
  v_key  text;
begin
  if length(p_original) < 9 or substr(p_original, 1, 4) <> '\x55424f01'::bytea then
    return null;
  end if;
  n := get_byte(p_original, 4);
  v_at := 5 + n * 1184;
  if n not between 1 and 16 or length(p_original) < v_at + 4 + 528
     or length(p_original) <> v_at + 4 + (get_byte(p_original, v_at) << 24) + (get_byte(p_original, v_at + 1) << 16)
                              + (get_byte(p_original, v_at + 2) << 8) + get_byte(p_original, v_at + 3) then
    return null;
  end if;
  for i in 0..n - 1 loop
    v_key := 'v-' || encode(substr(p_original, 6 + i * 1184, 16), 'hex');
    if v_key collate "C" <= v_keys[i] then
      return null;
    end if;
    v_keys := v_keys || v_key;
  end loop;
  return v_keys;
end $$;

-- Refuses a batch in which an event commits to an original that is not there, or the other way round, or that is sealed to
-- anything but this log's keys, of whichever incarnation: recorders may still have those of the one before. Whether a key is destroyed by now is no matter: then nothing opens it.
create or replace function unbroken.check_originals(p_log integer, p_committed boolean[], p_originals bytea[]) returns void
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_fault text;
  v_keys  text[];
  v_logs  constant int[] := unbroken.incarnations_of(p_log);
begin
  for i in 1..cardinality(p_committed) loop
    v_fault := null;
    if p_committed[i] is distinct from (p_originals[i] is not null) then
      v_fault := case when p_committed[i] then 'commits to an original that is not there' else 'comes with an original that it does not commit to' end;
    elsif p_originals[i] is not null then
      v_keys := unbroken.keys_of_original(p_originals[i]);
      if v_keys is null or length(p_originals[i]) > 17320473 then
        v_fault := 'comes with an original that is not sealed as version 1';
      else
        for at in 1..cardinality(v_keys) loop
          perform from subject_keys k where k.log = any (v_logs) and k.key_id = v_keys[at];
          if not found then
            v_fault := 'comes with an original that is sealed to a key that is not of this log''s vault';
          end if;
        end loop;
      end if;
    end if;
    if v_fault is not null then
      raise exception 'event % of %: %', i, cardinality(p_committed), v_fault using errcode = 'UB001', detail = (i - 1)::text;
    end if;
  end loop;
end $$;
