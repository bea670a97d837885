-- Going on after a loss: a log that lost entries which it had acknowledged, or that were signed, is continued under the next
-- incarnation. The old one stays readable and takes no entries any more; what is done with it is told in the newest.

-- A log's name with its incarnation, as lines have it.
create or replace function unbroken.full_name(p_log integer) returns text
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return (select l.origin || '~' || l.incarnation from logs l where l.log = p_log);
end $$;

-- The newest incarnation of the log that this is one of.
create or replace function unbroken.newest_of(p_log integer) returns integer
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return (select n.log from logs l join logs n on n.origin = l.origin where l.log = p_log order by n.incarnation desc limit 1);
end $$;

-- All incarnations of that log.
create or replace function unbroken.incarnations_of(p_log integer) returns integer[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return array(select n.log from logs l join logs n on n.origin = l.origin where l.log = p_log order by n.incarnation);
end $$;

-- Whether a pseudonym was forgotten in any incarnation: it leads nowhere in those that follow.
create or replace function unbroken.is_forgotten(p_log integer, p_pseudonym text) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return exists (select from forgotten f where f.log = any (unbroken.incarnations_of(p_log)) and f.pseudonym = p_pseudonym);
end $$;

-- Continues a log under a next incarnation, whose first entry says what was kept and what was lost. For the owner. The end that
-- the operator was shown has to be the end still. 'p_anchored' is the newest checkpoint that is known from outside, if there is
-- one: {"size", "root", "note_sha256"}. 'p_incarnation' is beyond all that are known outside: where a log that was continued comes
-- back from before that, those are lost as a whole, which p_also_lost names. Logins in p_without_logins get no grant, and names
-- that one of p_without_people stands for no mapping: their duties ended, or they were erased, in what was lost. Doing it again
-- gives what there is.
create or replace function unbroken.continue_log(
  p_log text, p_kept bigint, p_kept_hash bytea, p_incarnation integer, p_lost_from bigint, p_anchored jsonb, p_also_lost text[],
  p_reason text, p_without_people text[], p_without_logins text[]
) returns table (log text, grants bigint, names bigint, registry integer)
language plpgsql set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_old   constant int := unbroken.log_named(p_log);
  v_upto  constant bigint := (p_anchored ->> 'size')::bigint;
  v_new   int;
begin
  if v_old is null then
    raise exception 'there is no such log' using errcode = 'UB003';
  end if;
  if p_log not like '%~%' or p_kept is null or p_kept_hash is null or p_reason is null or p_reason !~ '[^[:space:]]'
     or octet_length(p_reason) > 2000 or p_anchored is not null and coalesce(v_upto, 0) < 1 then
    raise exception 'a log is continued by its full name, from the end it has, with a reason of up to 2000 bytes' using errcode = 'UB009';
  end if;
  perform unbroken.lock_log(v_old);
  if unbroken.head_of(v_old) <> p_kept
     or p_kept_hash is distinct from coalesce((select e.hash from entries e where e.log = v_old and e.seq = p_kept), '\x0000000000000000000000000000000000000000000000000000000000000000') then
    raise exception 'this log does not end any more where it did: look at it again' using errcode = 'UB013';
  end if;
  -- Of two that come at once, the second finds what the first made.
  v_new := unbroken.newest_of(v_old);
  if v_new <> v_old then
    return query
    select unbroken.full_name(v_new), (select count(*) from grants g where g.log = v_new), (select count(*) from identities i where i.log = v_new),
           (select max(r.version) from registries r where r.log = v_new);
    return;
  end if;
  insert into continuity as c (log, system_identifier, timeline, relation, size, root, closed_because, closed_at, closed_by)
  select v_old, s.system_identifier, s.timeline, 'unbroken.continuity'::regclass, 0, sha256(''), 'it was continued', clock_timestamp(), session_user
    from unbroken.this_server() s
  on conflict (log) do update set closed_because = excluded.closed_because, closed_at = excluded.closed_at, closed_by = excluded.closed_by
   where c.closed_because is null;
  insert into logs (origin, incarnation)
  select l.origin, greatest(l.incarnation + 1, p_incarnation) from logs l where l.log = v_old returning logs.log into v_new;
  perform unbroken.attach_partition(v_new, 0);
  insert into pseudonym_keys select v_new, k.key from pseudonym_keys k where k.log = v_old;
  perform unbroken.prepare_retention(v_new);
  -- Nothing that was erased can have come back into what begins here.
  insert into recoveries (log, system_identifier, timeline, relation) select v_new, s.* from unbroken.this_server() s;
  perform unbroken.append_own(v_new, 'log.continued', jsonb_strip_nulls(jsonb_build_object(
    'after', unbroken.full_name(v_old), 'kept', p_kept, 'kept_hash', encode(p_kept_hash, 'hex'), 'anchored', p_anchored, 'reason', p_reason,
    'also_lost', case when p_also_lost <> '{}' then to_jsonb(p_also_lost) end, 'lost_from', case when v_upto >= p_lost_from then p_lost_from end, 'lost_to', case when v_upto >= p_lost_from then v_upto end)));
  grants := unbroken.carry_grants(v_old, v_new, coalesce(p_without_logins, '{}'));
  names := unbroken.carry_people(v_old, v_new, coalesce(p_without_people, '{}'));
  registry := unbroken.carry_registry(v_old, v_new);
  perform unbroken.carry_keys(v_old, v_new);
  log := unbroken.full_name(v_new);
  return next;
end $$;

-- Duties, each with its entry. Requests that wait for a second person are asked for anew.
create or replace function unbroken.carry_grants(p_old integer, p_new integer, p_without text[]) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_grant record;
  n       bigint := 0;
begin
  for v_grant in
    select g.* from grants g where g.log = p_old and g.revoked_at is null and g.login <> all (p_without) order by g.granted_at, g.login
  loop
    perform unbroken.put_grant(p_new, v_grant.login, v_grant.duty, 'continued', 'carried over from ' || unbroken.full_name(p_old));
    n := n + 1;
  end loop;
  return n;
end $$;

-- Who stands behind pseudonyms, so that the same people keep the same ones; and whose recorders are whose. Vault keys stay where
-- they are: which of the free ones were given away in what was lost nobody knows, and one that is destroyed here must not be
-- left there. The pool is filled anew.
create or replace function unbroken.carry_people(p_old integer, p_new integer, p_without text[]) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  n bigint;
begin
  insert into recorders (log, recorder, login, bound_at) select p_new, r.recorder, r.login, r.bound_at from recorders r where r.log = p_old;
  insert into identities (log, pseudonym, lookup, sealed, is_first, made_at, made_by)
  select p_new, i.pseudonym, i.lookup, i.sealed, i.is_first, i.made_at, i.made_by
    from identities i
   where i.log = p_old
     and i.lookup not in (select w.lookup from identities w where w.log = p_old and w.pseudonym = any (p_without));
  get diagnostics n = row_count;
  return n;
end $$;

-- The newest version of the registry, as version 1; null where there is none.
create or replace function unbroken.carry_registry(p_old integer, p_new integer) returns integer
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_newest unbroken.registries;
  v_seq    bigint;
begin
  select r.* into v_newest from registries r where r.log = p_old order by r.version desc limit 1;
  if not found then
    return null;
  end if;
  v_seq := unbroken.append_own(p_new, 'log.registry_loaded', jsonb_build_object(
    'version', 1, 'sha256', v_newest.sha256, 'reason', format('carried over: version %s of %s', v_newest.version, unbroken.full_name(p_old))));
  insert into registries (log, version, text, sha256, loaded_at, loaded_by, loaded_seq)
  values (p_new, 1, v_newest.text, v_newest.sha256, clock_timestamp(), session_user, v_seq);
  return v_newest.version;
end $$;

-- Which keys sign checkpoints: keys outlive incarnations, and so do the statements about them.
create or replace function unbroken.carry_keys(p_old integer, p_new integer) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_stated record;
  v_seq    bigint;
begin
  for v_stated in select k.* from key_statements k where k.log = p_old order by k.nth loop
    v_seq := unbroken.append_own(p_new, 'log.key_stated', jsonb_build_object(
      'change', v_stated.change, 'key', v_stated.key, 'statement', v_stated.statement));
    insert into key_statements values (p_new, v_stated.nth, v_stated.change, v_stated.key, v_stated.statement, v_seq);
  end loop;
end $$;

-- For a recorder that was at work when its log was continued: receipts from earlier incarnations, as unbroken.receipts gives them
-- from the newest, each with the name of its log. What was acknowledged and stands in none is lost.
create or replace function unbroken.earlier_receipts(p_log text, p_ids uuid[], p_hashes bytea[])
returns table (id uuid, log text, state text, writer text, recorder uuid, recorder_seq bigint,
               seq bigint, session_seq bigint, recorded_at timestamptz, prev_hash bytea, hash bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_writer(p_log);
begin
  perform unbroken.require_ids(p_ids, p_hashes);
  return query
  select r.id, unbroken.full_name(o.log), r.state, r.writer, r.recorder, r.recorder_seq, r.seq, r.session_seq, r.recorded_at, r.prev_hash, r.hash
    from unnest(unbroken.incarnations_of(v_log)) as o (log)
   cross join lateral unbroken.receipts_in(o.log, p_ids, p_hashes) as r
   where o.log <> v_log;
end $$;

-- Of events that were recorded at these times and lost since: whether each concerns somebody who has been erased, so that what it
-- held must not come back.
create or replace function unbroken.concern_erased(p_log text, p_events text[], p_recorded_at timestamptz[]) returns boolean[]
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
declare
  n      constant int := cardinality(p_events);
  v_logs constant int[] := unbroken.incarnations_of(unbroken.log_for_writer(p_log));
begin
  if n is null or n not between 1 and 5000 or array_dims(p_recorded_at) is distinct from array_dims(p_events) then
    raise exception 'ask for 1 to 5000 events, each with the time at which it was recorded' using errcode = 'UB002';
  end if;
  return array(
    select exists (
             select from erasures r
              where r.log = any (v_logs) and r.begun_seq is not null and r.upto_at >= u.recorded_at
                and (unbroken.is_about(u.event, j.actor_id, j.subjects, j.resource_id, false, r.subjects, r.with_acted)
                     or unbroken.is_about(u.event, j.actor_id, j.subjects, j.resource_id, true, r.subjects, r.with_acted)
                        and (exists (select from erasure_sessions s where s.log = any (v_logs) and s.erasure = r.erasure and s.session_id = j.session_id)
                             or exists (select from unnest(v_logs) as o (log) where unbroken.is_session_of(o.log, j.session_id, r.subjects)))))
      from unnest(p_events, p_recorded_at) with ordinality as u (event, recorded_at, nth)
     cross join lateral json_populate_record(null::unbroken.event, u.event::json) as j
     order by u.nth);
exception
  -- The server's own message would quote the value, which may be personal data.
  when data_exception or program_limit_exceeded then
    raise exception 'an event is not JSON of the right shape' using errcode = 'UB001';
end $$;
