-- The notary's part: it reads hashes and nothing else, keeps the tree above them here, and lays down what it signed and what
-- anchors answered. What the database can check of it, it does; whether a signature is good it can't.

-- A log of this name that this login is the notary of. One message for "no grant" and "no such log".
create or replace function unbroken.log_for_notary(p_log text) returns integer
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  if unbroken.only_duty() is distinct from 'notary' then
    raise exception 'no such log, or this login is not its notary' using errcode = 'UB003';
  end if;
  return unbroken.log_for_reader(p_log);
end $$;

create or replace function unbroken.head_of(p_log integer) returns bigint
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return coalesce((select e.seq from entries e where e.log = p_log order by e.seq desc limit 1), 0);
end $$;

create or replace function unbroken.newest_checkpoint(p_log integer) returns unbroken.checkpoints
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_newest unbroken.checkpoints;
begin
  select c.* into v_newest from checkpoints c where c.log = p_log order by c.size desc limit 1;
  return v_newest;
end $$;

create or replace function unbroken.notary_state(p_log text)
returns table (log text, head bigint, head_hash bytea, is_confirmed boolean, closed_because text, size bigint, root bytea, now timestamptz)
language plpgsql volatile security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log     constant int := unbroken.log_for_notary(p_log);
  v_known   unbroken.continuity;
  v_newest  constant unbroken.checkpoints := unbroken.newest_checkpoint(v_log);
begin
  select c.* into v_known from continuity c where c.log = v_log;
  select l.origin || '~' || l.incarnation into log from logs l where l.log = v_log;
  select e.seq, e.hash into head, head_hash from entries e where e.log = v_log order by e.seq desc limit 1;
  head := coalesce(head, 0);
  is_confirmed := v_known.log is null or unbroken.is_confirmed(v_known);
  closed_because := v_known.closed_because;
  size := coalesce(v_newest.size, 0);
  root := v_newest.root;
  now := clock_timestamp();
  return next;
end $$;

-- The hashes of the entries after p_after, concatenated in order: what the tree is over.
create or replace function unbroken.leaves(p_log text, p_after bigint, p_limit integer) returns table (upto bigint, hashes bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  if p_after is null or p_after < 0 or p_limit is null or p_limit not between 1 and 65536 then
    raise exception 'leaves are read 1 to 65536 at a time' using errcode = 'UB009';
  end if;
  select max(e.seq), string_agg(e.hash, ''::bytea order by e.seq) into upto, hashes
    from entries e where e.log = v_log and e.seq > p_after and e.seq <= p_after + p_limit;
  upto := coalesce(upto, p_after);
  hashes := coalesce(hashes, '');
  if length(hashes) <> (upto - p_after) * 32 then
    raise exception 'entries are missing after %', p_after using errcode = 'UB013';
  end if;
  return next;
end $$;

-- The hashes of tiles, as wide as asked for; short or null where some are missing, which whoever asks notices. Hashes show
-- nobody's content: every duty that may know of the log gets them.
create or replace function unbroken.read_tiles(p_log text, p_levels integer[], p_indexes bigint[], p_widths integer[])
returns table (nth integer, hashes bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  if coalesce(cardinality(p_levels), 0) not between 1 and 1024
     or array_dims(p_indexes) is distinct from array_dims(p_levels) or array_dims(p_widths) is distinct from array_dims(p_levels) then
    raise exception 'tiles are read 1 to 1024 at a time, each with a level, an index and a width' using errcode = 'UB009';
  end if;
  return query
  select u.nth::integer,
         case when u.level = 0
              then (select string_agg(e.hash, ''::bytea order by e.seq) from entries e
                     where e.log = v_log and e.seq > u.index * 256 and e.seq <= u.index * 256 + least(greatest(u.width, 0), 256))
              else (select substring(t.hashes for least(greatest(u.width, 0), 256) * 32) from tiles t
                     where t.log = v_log and t.level = u.level and t.index = u.index) end
    from unnest(p_levels, p_indexes, p_widths) with ordinality as u (level, index, width, nth)
   order by u.nth;
end $$;

-- Lays tiles down. Each continues what stands at its place, or is the beginning of it; anything else is another tree.
create or replace function unbroken.store_tiles(p_log text, p_levels integer[], p_indexes bigint[], p_hashes bytea[]) returns void
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_notary(p_log);
begin
  if coalesce(cardinality(p_levels), 0) not between 1 and 65536
     or array_dims(p_indexes) is distinct from array_dims(p_levels) or array_dims(p_hashes) is distinct from array_dims(p_levels) then
    raise exception 'tiles are stored 1 to 65536 at a time, each with a level, an index and hashes' using errcode = 'UB009';
  end if;
  if exists (select from unnest(p_levels, p_indexes, p_hashes) as u (level, index, hashes)
              where u.level is null or u.level not between 1 and 7 or u.index is null or u.index < 0
                 or u.hashes is null or length(u.hashes) not between 32 and 8192 or length(u.hashes) % 32 <> 0) then
    raise exception 'a tile is of a level from 1 to 7 and holds 1 to 256 hashes' using errcode = 'UB009';
  end if;
  -- One order, so that two notaries can't wait for each other.
  insert into tiles as t (log, level, index, hashes)
  select v_log, u.level, u.index, u.hashes from unnest(p_levels, p_indexes, p_hashes) as u (level, index, hashes) order by 2, 3
  on conflict (log, level, index) do update set hashes = excluded.hashes
   where length(t.hashes) < length(excluded.hashes) and substring(excluded.hashes for length(t.hashes)) = t.hashes;
  if exists (select from unnest(p_levels, p_indexes, p_hashes) as u (level, index, hashes)
              where not exists (select from tiles t where t.log = v_log and t.level = u.level and t.index = u.index
                                   and substring(t.hashes for length(u.hashes)) = u.hashes)) then
    raise exception 'these tiles do not continue the tree that is kept here' using errcode = 'UB013';
  end if;
end $$;

-- Lays down what was signed. A later note for the same tree takes the place of the earlier one.
create or replace function unbroken.store_checkpoint(
  p_log text, p_size bigint, p_root bytea, p_note text, p_signed_at timestamptz, p_each_start boolean
) returns void
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log    constant int := unbroken.log_for_notary(p_log);
  v_newest unbroken.checkpoints;
begin
  perform unbroken.lock_log(v_log);
  v_newest := unbroken.newest_checkpoint(v_log);
  if num_nulls(p_size, p_root, p_note, p_signed_at, p_each_start) > 0 or p_size < 1 or length(p_root) <> 32
     or octet_length(p_note) not between 1 and 65536 then
    raise exception 'a checkpoint has a size, a root, a note of up to 64 KiB and a time' using errcode = 'UB009';
  end if;
  if p_size > unbroken.head_of(v_log) or p_size < v_newest.size or p_size = v_newest.size and p_root <> v_newest.root then
    raise exception 'this checkpoint is of another tree than the one that stands here, or of an older one' using errcode = 'UB013';
  end if;
  perform unbroken.require_continuous(v_log);
  insert into checkpoints as c (log, size, root, note, signed_at) values (v_log, p_size, p_root, p_note, p_signed_at)
  on conflict (log, size) do update
     set note = excluded.note, signed_at = excluded.signed_at, stored_at = clock_timestamp(), stored_by = session_user
   where c.signed_at < excluded.signed_at;
  if p_size > coalesce(v_newest.size, 0) then
    perform unbroken.put_continuity(v_log, p_size, p_root, p_each_start);
  end if;
end $$;

-- What an anchor answered, once however often it is brought.
create or replace function unbroken.store_receipt(
  p_log text, p_anchor text, p_kind text, p_size bigint, p_root bytea, p_receipt bytea, p_at timestamptz
) returns void
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_notary(p_log);
begin
  if num_nulls(p_anchor, p_kind, p_size, p_root, p_receipt) > 0 or p_size < 0 or length(p_root) <> 32
     or octet_length(p_anchor) not between 1 and 255 or octet_length(p_kind) not between 1 and 64 or length(p_receipt) not between 1 and 1048576 then
    raise exception 'a receipt of up to 1 MiB names its anchor, its kind, a size and a root' using errcode = 'UB009';
  end if;
  insert into anchorings (log, anchor, kind, size, root, receipt, digest, at)
  values (v_log, p_anchor, p_kind, p_size, p_root, p_receipt, sha256(p_receipt), p_at)
  on conflict do nothing;
end $$;

-- Which key signs from now on, as the notary's signed statement says; the entry's number. The same one again changes nothing.
create or replace function unbroken.store_key_statement(p_log text, p_change text, p_key text, p_statement text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_notary(p_log);
  v_nth integer;
  v_seq bigint;
begin
  if p_change is null or p_change not in ('first', 'rotated', 'lost') or p_key is null or p_statement is null
     or octet_length(p_key) not between 1 and 1024 or octet_length(p_statement) not between 1 and 16384 then
    raise exception 'a key statement is first, rotated or lost, with a key and its text' using errcode = 'UB009';
  end if;
  perform unbroken.lock_log(v_log);
  select k.seq into v_seq from key_statements k where k.log = v_log and k.statement = p_statement;
  if v_seq is not null then
    return v_seq;
  end if;
  v_nth := coalesce((select max(k.nth) from key_statements k where k.log = v_log), 0) + 1;
  if (p_change = 'first') <> (v_nth = 1) then
    raise exception 'a log''s keys begin with one first statement' using errcode = 'UB013';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.key_stated', jsonb_build_object('change', p_change, 'key', p_key, 'statement', p_statement));
  insert into key_statements values (v_log, v_nth, p_change, p_key, p_statement, v_seq);
  return v_seq;
end $$;

-- An alarm of the notary's as an entry; null where the same one was told within the hour.
create or replace function unbroken.raise_alarm(p_log text, p_type text, p_details jsonb) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_notary(p_log);
  v_seq bigint;
begin
  if p_type is null or p_type not in ('log.anchoring_late', 'log.anchoring_resumed', 'log.checkpoint_refused', 'log.anchor_contradicted')
     or unbroken.is_flat(p_details, 4096) is not true then
    raise exception 'an alarm is of a known kind, with a flat object of texts and numbers of up to 4096 bytes' using errcode = 'UB009';
  end if;
  perform unbroken.lock_log(v_log);
  if exists (select from alarms a where a.log = v_log and a.type = p_type and a.details = p_details
                and a.told_at > clock_timestamp() - interval '1 hour') then
    return null;
  end if;
  v_seq := unbroken.append_own(v_log, p_type, p_details);
  insert into alarms (log, type, details, seq) values (v_log, p_type, p_details, v_seq);
  return v_seq;
end $$;

-- Whether this is an object of texts, whole numbers and booleans that is no longer than p_bytes.
create or replace function unbroken.is_flat(p_object jsonb, p_bytes integer) returns boolean
language sql immutable set search_path = unbroken, pg_temp as $$
  select jsonb_typeof(p_object) = 'object' and octet_length(p_object::text) <= p_bytes
     and (select coalesce(bool_and(jsonb_typeof(i.value) in ('string', 'boolean')
                                   or jsonb_typeof(i.value) = 'number' and (i.value #>> '{}') ~ '^(0|-?[1-9][0-9]{0,15})$'), true)
            from jsonb_each(case when jsonb_typeof(p_object) = 'object' then p_object else '{}' end) i)
$$;

-- How far a recorder's entries are covered by what was signed: it may forget what lies before. With the log's name now, as a
-- log that lost entries goes on under another one.
create or replace function unbroken.covered(p_log text) returns table (log text, size bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_writer(p_log);
begin
  return query
  select l.origin || '~' || l.incarnation, coalesce((unbroken.newest_checkpoint(v_log)).size, 0) from logs l where l.log = v_log;
end $$;

-- What a verifier's run came to.
create or replace function unbroken.record_verification(p_log text, p_details jsonb) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  if unbroken.is_flat(p_details, 4096) is not true then
    raise exception 'a run is told by a flat object of texts and numbers of up to 4096 bytes' using errcode = 'UB009';
  end if;
  return unbroken.append_own(v_log, 'log.verified', p_details);
end $$;

-- What was handed out, by whom and what for, before it is: under the ticket that it was read with.
create or replace function unbroken.record_export(p_log text, p_ticket uuid, p_details jsonb) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  if not exists (select from unbroken.open_tickets() t where t.log = v_log and t.ticket = p_ticket) then
    raise exception 'exporting needs an open ticket of this login' using errcode = 'UB007';
  end if;
  if jsonb_typeof(p_details) is distinct from 'object' or octet_length(p_details::text) > 16384 then
    raise exception 'an export is told by an object of up to 16384 bytes' using errcode = 'UB009';
  end if;
  return unbroken.append_own(v_log, 'log.exported', p_details || jsonb_build_object('ticket', p_ticket));
end $$;
