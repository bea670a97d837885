-- What stands against destroying what there is of a person: legal holds, which keep the keys and names of whoever stands in what
-- they cover as well, and laws that ask to keep it.

-- Whether a hold in force names one of these ids: then it covers what is still going to be recorded of them too.
create or replace function unbroken.is_in_hold(p_log integer, p_ids text[]) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return exists (select from unbroken.scopes_in_force(p_log) s where s.actors && p_ids or s.subjects && p_ids or s.resource_ids && p_ids);
end $$;

-- The entries that name a person, whenever they were recorded, and that a hold covers. The log's own are not among them.
create or replace function unbroken.held_naming(p_log integer, p_ids text[]) returns bigint[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return unbroken.held_among(p_log, array(
    select e.seq from entries e where e.log = p_log and e.subjects && p_ids and e.event like '%"recorder":"%'
    union
    select e.seq from entries e where e.log = p_log and e.actor_id = any (p_ids) and e.event like '%"recorder":"%'
    union
    select e.seq from entries e where e.log = p_log and e.resource_id = any (p_ids) and e.event like '%"recorder":"%'));
end $$;

-- Whether what leads to the name behind these pseudonyms has to stay: a hold names them, or covers an entry that does.
create or replace function unbroken.is_name_held(p_log integer, p_ids text[]) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return unbroken.any_hold(p_log) and (unbroken.is_in_hold(p_log, p_ids) or unbroken.held_naming(p_log, p_ids) <> '{}');
end $$;

-- The entries whose originals may be sealed to the key of a holder.
create or replace function unbroken.sealed_for(p_log integer, p_kind text, p_holder text) returns bigint[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  if p_kind = 'session' then
    return array(select e.seq from entries e
                  where e.log = p_log and e.session_id = p_holder
                    and (select o.seq from originals o where o.log = e.log and o.seq = e.seq) is not null);
  end if;
  return array(
    select e.seq from entries e
     where e.log = p_log and e.subjects && array[p_holder] and (select o.seq from originals o where o.log = e.log and o.seq = e.seq) is not null
    union
    select e.seq from entries e
     where e.log = p_log and e.actor_id = p_holder and (select o.seq from originals o where o.log = e.log and o.seq = e.seq) is not null);
end $$;

-- Those of these vault keys that have to stay: a hold names their holder, or covers an original that takes them, in any incarnation.
create or replace function unbroken.held_keys(p_log integer, p_keys text[]) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  if not unbroken.any_hold(p_log) then
    return '{}';
  end if;
  return array(
    select k.key_id from subject_keys k
     where k.log = p_log and k.key_id = any (p_keys) and k.holder is not null
       and (case k.holder_kind when 'session' then exists (select from unbroken.scopes_in_force(p_log) s where k.holder = any (s.sessions))
                               else unbroken.is_in_hold(p_log, array[k.holder]) end
            or exists (select from unnest(unbroken.incarnations_of(p_log)) as i (log),
                              unnest(unbroken.held_among(i.log, unbroken.sealed_for(i.log, k.holder_kind, k.holder))) as h (seq)
                        where k.key_id = any (unbroken.keys_of_original(
                                (select o.ciphertext from originals o where o.log = i.log and o.seq = h.seq)))))
     order by 1);
end $$;

-- How many entries a hold keeps from the erasure of a person: what they hold about them, or that they name them, as long as there
-- is a name. Where it keeps these keys or the name alone, because it names the person, one.
create or replace function unbroken.held_of_person(p_log integer, p_ids text[], p_with_acted boolean, p_upto timestamptz, p_keys text[])
returns bigint
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_names bigint[] := '{}';
  v_named boolean;
  v_held  bigint;
begin
  if not unbroken.any_hold(p_log) then
    return 0;
  end if;
  v_named := exists (select from identities i where i.log = p_log and i.pseudonym = any (p_ids));
  if v_named then
    v_names := unbroken.held_naming(p_log, p_ids);
  end if;
  v_held := (select count(distinct u.seq)
               from unnest(v_names || unbroken.held_among(p_log, unbroken.next_of_person(p_log, p_ids, p_with_acted, p_upto, 0, null))) as u (seq));
  if v_held = 0 and (v_named and unbroken.is_in_hold(p_log, p_ids) or unbroken.held_keys(p_log, p_keys) <> '{}') then
    return 1;
  end if;
  return v_held;
end $$;

-- How many of the entries that hold something about a person a law in force asks to keep still. What an organisation, a standard or
-- a reading of a law asks for does not stand against an erasure.
create or replace function unbroken.floored_of_person(p_log integer, p_ids text[], p_with_acted boolean, p_upto timestamptz) returns bigint
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  if not exists (select from unbroken.rules_in_force(p_log) r where r.is_law and r.floor_months is not null) then
    return 0;
  end if;
  return (select count(distinct d.seq)
            from unbroken.due_among(p_log, unbroken.next_of_person(p_log, p_ids, p_with_acted, p_upto, 0, null)) d
           where d.law_until > clock_timestamp() and unbroken.has_part(p_log, d.seq, d.part));
end $$;
