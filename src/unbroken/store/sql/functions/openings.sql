-- Opening originals: asked for in an entry that is committed before the first byte is given, and ended by one that says what
-- came of it. What is given here is sealed, and the keys to it are wrapped; both open only where the key-encryption key is.

-- Puts on record that this login is going to open these originals, or to hold something against them.
create or replace function unbroken.ask_originals(p_log text, p_ticket uuid, p_kind text, p_seqs bigint[]) returns uuid
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log     constant int := unbroken.log_for_reader(p_log);
  v_opening constant uuid := gen_random_uuid();
  v_seqs    bigint[];
  v_ticket  unbroken.tickets;
  v_seq     bigint;
begin
  if p_kind is null or p_kind not in ('open', 'match') or cardinality(p_seqs) is null or cardinality(p_seqs) not between 1 and 1000
     or array_ndims(p_seqs) <> 1 or array_position(p_seqs, null) is not null then
    raise exception 'ask to open, or to match, the originals of 1 to 1000 entries' using errcode = 'UB009';
  end if;
  select t.* into v_ticket from unbroken.open_tickets() t where t.log = v_log and t.ticket = p_ticket;
  if not found then
    raise exception 'opening originals needs an open ticket of this login: unbroken.open_ticket, committed before' using errcode = 'UB007';
  end if;
  v_seqs := array(select distinct u.seq from unnest(p_seqs) as u (seq) order by 1);
  if v_ticket.session_id is not null and exists (
       select from unnest(v_seqs) as u (seq)
        where not exists (select from entries e where e.log = v_log and e.seq = u.seq and e.session_id = v_ticket.session_id)) then
    raise exception 'this ticket opens one session, and not all of these entries are in it' using errcode = 'UB008';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.original_asked', jsonb_build_object(
    'opening', v_opening, 'ticket', p_ticket, 'kind', p_kind, 'seqs', unbroken.ranges_of(v_seqs)), v_opening);
  insert into openings (log, opening, kind, ticket, seqs, login, asked_seq, asked_at, asked_xid)
  values (v_log, v_opening, p_kind, p_ticket, v_seqs, session_user, v_seq, clock_timestamp(), pg_current_xact_id());
  return v_opening;
end $$;

-- An opening of this login's that was asked for in an earlier transaction and is not ended, its ticket still open. Wrapping
-- anew needs none and is open for a day.
create or replace function unbroken.open_opening(p_log integer, p_opening uuid, p_rewraps boolean) returns unbroken.openings
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_asked unbroken.openings;
begin
  select o.* into v_asked from openings o
   where o.log = p_log and o.opening = p_opening and o.login = session_user and o.done_seq is null and (o.kind = 'rewrap') = p_rewraps
     and o.asked_xid is distinct from pg_current_xact_id_if_assigned();
  if not found
     or p_rewraps and not (v_asked.asked_at > clock_timestamp() - interval '1 day' and unbroken.is_recovered(p_log))
     or not p_rewraps and not exists (select from unbroken.open_tickets() t where t.log = p_log and t.ticket = v_asked.ticket) then
    raise exception 'there is no such opening of this login, asked for and committed before under a ticket that is still open' using errcode = 'UB007';
  end if;
  return v_asked;
end $$;

-- The sealed originals that were asked for, of those there are, in order.
create or replace function unbroken.originals(p_log text, p_opening uuid) returns table (seq bigint, ciphertext bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked constant unbroken.openings := unbroken.open_opening(v_log, p_opening, false);
begin
  return query
  select o.seq, o.ciphertext from originals o where o.log = v_log and o.seq = any (v_asked.seqs) order by o.seq;
end $$;

-- The wrapped private halves that those originals take, of those that are asked for and there are.
create or replace function unbroken.opened_keys(p_log text, p_opening uuid, p_key_ids text[]) returns table (key_id text, wrapped bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked constant unbroken.openings := unbroken.open_opening(v_log, p_opening, false);
begin
  if cardinality(p_key_ids) is null or cardinality(p_key_ids) not between 1 and 1000 then
    raise exception 'ask for 1 to 1000 keys' using errcode = 'UB009';
  end if;
  if exists (
       select unnest(p_key_ids) collate "C"
       except
       select unnest(unbroken.keys_of_original(o.ciphertext)) from originals o where o.log = v_log and o.seq = any (v_asked.seqs)) then
    raise exception 'the originals of this opening are not sealed to all of these keys' using errcode = 'UB008';
  end if;
  return query
  select w.key_id, w.wrapped from wrapped_keys w
   where w.log = any (unbroken.incarnations_of(v_log)) and w.key_id = any (p_key_ids) order by w.key_id;
end $$;

-- Ends an opening with the opener's account of what came of it.
create or replace function unbroken.close_opening(p_log text, p_opening uuid, p_opened bigint, p_failed bigint, p_digest text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
  v_seq bigint;
begin
  if p_opened is null or p_failed is null or not unbroken.is_count(p_opened) or not unbroken.is_count(p_failed)
     or p_digest is null or p_digest !~ '^[0-9a-f]{64}$' then
    raise exception 'an opening ends with two counts and a SHA-256 in hex' using errcode = 'UB009';
  end if;
  perform from openings o
    where o.log = v_log and o.opening = p_opening and o.login = session_user and o.done_seq is null and o.kind <> 'rewrap' for update;
  if not found then
    raise exception 'there is no such opening of this login, or it has ended' using errcode = 'UB007';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.original_opened', jsonb_build_object(
    'opening', p_opening, 'opened', p_opened, 'failed', p_failed, 'digest', p_digest));
  update openings set done_seq = v_seq where log = v_log and opening = p_opening;
  return v_seq;
end $$;

-- Puts on record that all private halves are going to be wrapped by another key-encryption key.
create or replace function unbroken.ask_rewrapping(p_log text, p_to text) returns uuid
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log     constant int := unbroken.log_for_reader(p_log);
  v_opening constant uuid := gen_random_uuid();
  v_seq     bigint;
begin
  if p_to is null or p_to !~ '^[0-9a-z][0-9a-z._-]{0,63}$' then
    raise exception 'a key-encryption key is named by up to 64 of the characters 0-9 a-z . _ -' using errcode = 'UB009';
  end if;
  if not unbroken.is_recovered(v_log) then
    raise exception 'keys that were destroyed may be back on this server: unbroken recover comes first' using errcode = 'UB007';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.vault_rewrapping', jsonb_build_object('opening', v_opening, 'to', p_to), v_opening);
  insert into openings (log, opening, kind, wraps_to, login, asked_seq, asked_at, asked_xid)
  values (v_log, v_opening, 'rewrap', p_to, session_user, v_seq, clock_timestamp(), pg_current_xact_id());
  return v_opening;
end $$;

create or replace function unbroken.keys_to_rewrap(p_log text, p_opening uuid, p_limit integer) returns table (key_id text, wrapped bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked constant unbroken.openings := unbroken.open_opening(v_log, p_opening, true);
begin
  return query
  select w.key_id, w.wrapped from wrapped_keys w where w.log = v_log and w.wrapped_by <> v_asked.wraps_to
   order by w.key_id limit least(greatest(p_limit, 1), 1000);
end $$;

-- Puts the newly wrapped ones in the place of those that were read, and leaves what was changed or destroyed meanwhile.
create or replace function unbroken.rewrap_keys(p_log text, p_opening uuid, p_key_ids text[], p_old bytea[], p_new bytea[]) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  n       constant int := cardinality(p_key_ids);
  v_log   constant int := unbroken.log_for_reader(p_log);
  v_asked constant unbroken.openings := unbroken.open_opening(v_log, p_opening, true);
  v_done  bigint;
begin
  if n is null or n not between 1 and 1000
     or array_fill('[1:' || n || ']', array[3]) <> array[array_dims(p_key_ids), array_dims(p_old), array_dims(p_new)]
     or array_position(p_new, null) is not null then
    raise exception 'wrap 1 to 1000 keys anew: an id, what it was and what it becomes' using errcode = 'UB009';
  end if;
  update wrapped_keys w set wrapped = u.new, wrapped_by = v_asked.wraps_to
    from unnest(p_key_ids, p_old, p_new) as u (key_id, old, new)
   where w.log = v_log and w.key_id = u.key_id and w.wrapped = u.old and w.wrapped_by <> v_asked.wraps_to;
  get diagnostics v_done = row_count;
  return v_done;
exception when check_violation then
  raise exception 'a wrapped key has 1 to 4096 bytes: none was changed' using errcode = 'UB009';
end $$;

-- Ends the wrapping, with how many are under which key now.
create or replace function unbroken.close_rewrapping(p_log text, p_opening uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
  v_to  text;
  v_seq bigint;
begin
  select o.wraps_to into v_to from openings o
   where o.log = v_log and o.opening = p_opening and o.login = session_user and o.done_seq is null and o.kind = 'rewrap' for update;
  if not found then
    raise exception 'there is no such wrapping of this login, or it has ended' using errcode = 'UB007';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.vault_rewrapped', jsonb_build_object(
    'opening', p_opening, 'to', v_to,
    'keys', (select count(*) from wrapped_keys w where w.log = v_log and w.wrapped_by = v_to),
    'others', (select count(*) from wrapped_keys w where w.log = v_log and w.wrapped_by <> v_to)));
  update openings set done_seq = v_seq where log = v_log and opening = p_opening;
  return v_seq;
end $$;
