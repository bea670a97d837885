-- Guards look at state, never at a setting. They fire always, also under session_replication_role = replica.

create or replace function unbroken.refuse_change() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name using errcode = 'UB010';
end $$;

-- A session's counter may only grow, by append.
create or replace function unbroken.refuse_uncounting() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.session_id, new.first_seq) is distinct from (old.log, old.session_id, old.first_seq)
     or new.entries <= old.entries or new.last_seq <= old.last_seq then
    raise exception 'a session''s count can only grow' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A request goes one way: decided, approval withdrawn or used once.
create or replace function unbroken.refuse_undeciding() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.request, new.requested_seq, new.tool, new.call_id, new.arguments_hash, new.actor_id, new.agent_id, new.requested_until)
       is distinct from (old.log, old.request, old.requested_seq, old.tool, old.call_id, old.arguments_hash, old.actor_id, old.agent_id, old.requested_until)
     or old.used_seq is not null or old.outcome = 'denied'
     or old.outcome = 'approved' and new.outcome is distinct from 'denied'
        and (new.outcome, new.decided_seq, new.approved_until, new.self_attested)
            is distinct from (old.outcome, old.decided_seq, old.approved_until, old.self_attested)
     or new.decided_seq < old.decided_seq then
    raise exception 'a request for approval can not be undecided' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- Whether entry p_seq was made by the log itself (no recorder: the door demands one of everybody else), is of this type, and
-- says of this login what p_details says. Of an incarnation that is closed the newest tells, naming it.
create or replace function unbroken.is_told(p_log integer, p_seq bigint, p_type text, p_details jsonb) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return unbroken.is_told_in(p_log, p_seq, p_type, p_details, null)
      or exists (select from logs l join logs n on n.origin = l.origin and n.incarnation > l.incarnation
                  where l.log = p_log
                    and unbroken.is_told_in(n.log, p_seq, p_type, p_details || jsonb_build_object('log', unbroken.full_name(p_log)), null));
end $$;

-- The same of what this login did.
create or replace function unbroken.is_told_by(p_login text, p_log integer, p_seq bigint, p_type text, p_details jsonb) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return unbroken.is_told_in(p_log, p_seq, p_type, p_details, p_login)
      or exists (select from logs l join logs n on n.origin = l.origin and n.incarnation > l.incarnation
                  where l.log = p_log
                    and unbroken.is_told_in(n.log, p_seq, p_type, p_details || jsonb_build_object('log', unbroken.full_name(p_log)), p_login));
end $$;

create or replace function unbroken.is_told_in(p_log integer, p_seq bigint, p_type text, p_details jsonb, p_login text) returns boolean
language sql stable set search_path = unbroken, pg_temp as $$
  select exists (
    select from entries e join payloads p on p.log = e.log and p.seq = e.seq
     where e.log = p_log and e.seq = p_seq and e.event_type = p_type and (p_login is null or e.actor_id = p_login)
       and e.event::json ->> 'recorder' is null and p.details::jsonb @> p_details)
$$;

-- No row of grants without its entry; a row ends once, with the entry that ends it.
create or replace function unbroken.refuse_untold_grant() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'UPDATE' and (
       (new.log, new.login, new.duty, new.granted_at, new.granted_by, new.confirmed_by)
         is distinct from (old.log, old.login, old.duty, old.granted_at, old.granted_by, old.confirmed_by)
       or old.granted_seq is not null and new.granted_seq is distinct from old.granted_seq
       or old.revoked_at is not null)
     or new.revoked_at is not null and tg_op = 'INSERT' then
    raise exception 'a grant is made once and ends once' using errcode = 'UB010';
  end if;
  if (tg_op = 'INSERT' or new.granted_seq is distinct from old.granted_seq)
        and not unbroken.is_told(new.log, new.granted_seq, 'access_granted', jsonb_build_object('login', new.login, 'duty', new.duty))
     or new.revoked_at is not null
        and not unbroken.is_told(new.log, new.revoked_seq, 'access_revoked', jsonb_build_object('login', new.login, 'duty', new.duty)) then
    raise exception 'a grant begins and ends with its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A request for access is decided once; a ticket is opened by its entry and closed once.
create or replace function unbroken.refuse_redeciding() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.request, new.login, new.duty, new.reason, new.requested_by, new.requested_at, new.requested_seq, new.expires_at)
       is distinct from (old.log, old.request, old.login, old.duty, old.reason, old.requested_by, old.requested_at, old.requested_seq, old.expires_at)
     or old.outcome is not null or new.outcome is null
     or not unbroken.is_told(new.log, new.decided_seq, case new.outcome when 'granted' then 'access_granted' else 'log.access_withdrawn' end,
                             jsonb_build_object('request', new.request)) then
    raise exception 'a request for access is decided once, by its entry' using errcode = 'UB010';
  end if;
  return new;
end $$;

create or replace function unbroken.refuse_untold_ticket() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'UPDATE' and (
       (new.log, new.ticket, new.login, new.duty, new.opened_seq, new.opened_at, new.expires_at, new.opened_xid, new.session_id)
         is distinct from (old.log, old.ticket, old.login, old.duty, old.opened_seq, old.opened_at, old.expires_at, old.opened_xid, old.session_id)
       or old.closed_seq is not null)
     or not unbroken.is_told(new.log, new.opened_seq, 'log.read', jsonb_build_object('ticket', new.ticket, 'duty', new.duty))
     or new.closed_seq is not null
        and not unbroken.is_told(new.log, new.closed_seq, 'log.read_completed', jsonb_build_object('ticket', new.ticket)) then
    raise exception 'a ticket is opened and closed by its entries, once' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A version of the registry follows the one before it and is what its entry says; so is a look-up of names.
create or replace function unbroken.refuse_untold_registry() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if new.version is distinct from (select coalesce(max(r.version), 0) + 1 from registries r where r.log = new.log)
     or new.sha256 is distinct from unbroken.sha256_of(new.text)
     or not unbroken.is_told_by(new.loaded_by, new.log, new.loaded_seq, 'log.registry_loaded',
                                jsonb_build_object('version', new.version, 'sha256', new.sha256)) then
    raise exception 'a version of the registry is loaded with its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

create or replace function unbroken.refuse_untold_lookup() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if not unbroken.is_told_by(new.login, new.log, new.asked_seq, 'log.names_asked', jsonb_build_object('lookup', new.lookup, 'ticket', new.ticket))
     or to_jsonb(new.pseudonyms) is distinct from
          (select p.details::jsonb -> 'pseudonyms' from payloads p where p.log = unbroken.newest_of(new.log) and p.seq = new.asked_seq) then
    raise exception 'names are asked for with an entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- What an agent was last seen to use only follows its newer calls, or a change that was told could be told as none.
create or replace function unbroken.refuse_unseen_agent() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'UPDATE' and ((new.log, new.agent_id, new.agent_version, new.template) is distinct from (old.log, old.agent_id, old.agent_version, old.template)
                           or new.seq <= old.seq)
     or not exists (select from entries e where e.log = new.log and e.seq = new.seq and e.event_type = 'model_call' and e.agent_id = new.agent_id) then
    raise exception 'what an agent was seen to use follows its calls' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A vault key goes one way: to a holder, and to its end, which an entry tells of; nothing else of it changes.
create or replace function unbroken.refuse_reassigning() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.key_id, new.public, new.endorsement, new.made_at, new.made_by)
       is distinct from (old.log, old.key_id, old.public, old.endorsement, old.made_at, old.made_by)
     or old.holder is not null and (new.holder_kind, new.holder, new.assigned_at, new.assigned_to)
                                    is distinct from (old.holder_kind, old.holder, old.assigned_at, old.assigned_to)
     or old.destroyed_seq is not null or new.asked_at < old.asked_at
     or new.destroyed_seq is not null
        and not unbroken.is_told(new.log, new.destroyed_seq, 'log.erased', jsonb_build_object('keys', jsonb_build_array(new.key_id)))
        and not unbroken.is_told(new.log, new.destroyed_seq, 'log.disposed', jsonb_build_object('keys', jsonb_build_array(new.key_id))) then
    raise exception 'a vault key is assigned once and destroyed once, by its entry' using errcode = 'UB010';
  end if;
  if new.destroyed_seq is not null and unbroken.held_keys(new.log, array[new.key_id]) <> '{}' then
    raise exception 'a legal hold keeps what this key opens: % on % is refused', tg_op, tg_table_name using errcode = 'UB014';
  end if;
  return new;
end $$;

-- A wrapped half is made with its key, wrapped anew, and goes when its key is destroyed.
create or replace function unbroken.refuse_unwrapping() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  -- By its id, or the planner would look through all that are destroyed.
  if tg_op = 'DELETE' and (select k.destroyed_seq from subject_keys k where k.log = old.log and k.key_id = old.key_id) is null
     or tg_op = 'INSERT' and (select k.destroyed_seq from subject_keys k where k.log = new.log and k.key_id = new.key_id) is not null
     or tg_op = 'UPDATE' and (new.log, new.key_id) is distinct from (old.log, old.key_id)
     or tg_op = 'UPDATE' and not exists (select from openings o where o.log = new.log and o.kind = 'rewrap' and o.wraps_to = new.wrapped_by and o.done_seq is null) then
    raise exception 'a private half goes with its key, and is wrapped anew on record' using errcode = 'UB010';
  end if;
  -- A hold may have come since the key was marked.
  if tg_op = 'DELETE' and unbroken.held_keys(old.log, array[old.key_id]) <> '{}' then
    raise exception 'a legal hold keeps what this key opens: % on % is refused', tg_op, tg_table_name using errcode = 'UB014';
  end if;
  return coalesce(new, old);
end $$;

-- An opening is asked for and ended by its entries.
create or replace function unbroken.refuse_untold_opening() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'UPDATE' and (
       (new.log, new.opening, new.kind, new.ticket, new.seqs, new.wraps_to, new.login, new.asked_seq, new.asked_at, new.asked_xid)
         is distinct from (old.log, old.opening, old.kind, old.ticket, old.seqs, old.wraps_to, old.login, old.asked_seq, old.asked_at, old.asked_xid)
       or old.done_seq is not null)
     or new.kind <> 'rewrap' and not unbroken.is_told_by(new.login, new.log, new.asked_seq, 'log.original_asked', jsonb_build_object(
          'opening', new.opening, 'ticket', new.ticket, 'kind', new.kind, 'seqs', unbroken.ranges_of(new.seqs)))
     or new.kind = 'rewrap' and not unbroken.is_told_by(new.login, new.log, new.asked_seq, 'log.vault_rewrapping', jsonb_build_object(
          'opening', new.opening, 'to', new.wraps_to))
     or new.done_seq is not null
        and not unbroken.is_told_by(new.login, new.log, new.done_seq, case new.kind when 'rewrap' then 'log.vault_rewrapped' else 'log.original_opened' end,
                                    jsonb_build_object('opening', new.opening)) then
    raise exception 'an opening is asked for and ended by its entries' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- An erasure takes its steps in order, each with its entry: asked for, confirmed by another or found in the ledger outside,
-- begun, done. Who is erased can only become known better, and only before it begins.
create or replace function unbroken.refuse_untold_erasure() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_what constant jsonb := jsonb_build_object('erasure', new.erasure);
begin
  if tg_op = 'UPDATE' and (
       (new.log, new.erasure, new.with_acted, new.despite_floors, new.planned, new.case_name, new.reason, new.requested_by, new.requested_at, new.requested_seq, new.expires_at)
         is distinct from (old.log, old.erasure, old.with_acted, old.despite_floors, old.planned, old.case_name, old.reason, old.requested_by, old.requested_at, old.requested_seq, old.expires_at)
       or old.basis = 'ledger' and new.basis <> 'ledger'
       or old.confirmed_seq is not null and (new.confirmed_by, new.confirmed_at, new.confirmed_seq) is distinct from (old.confirmed_by, old.confirmed_at, old.confirmed_seq)
       or old.withdrawn_seq is not null or old.done_seq is not null
       or old.begun_seq is not null and (new.basis, new.subjects, new.upto_at, new.order_sha256, new.begun_by, new.begun_at, new.begun_seq, new.keys, new.withdrawn_seq)
            is distinct from (old.basis, old.subjects, old.upto_at, old.order_sha256, old.begun_by, old.begun_at, old.begun_seq, old.keys, null)
       or not new.subjects @> old.subjects
       or new.basis <> 'ledger' and new.subjects <> old.subjects and not unbroken.ids_of_person(new.log, old.subjects) @> new.subjects
       or (new.reached, new.payloads, new.originals) is distinct from (old.reached, old.payloads, old.originals)
          and (old.begun_seq is null or new.reached < old.reached or new.payloads < old.payloads or new.originals < old.originals))
     or new.basis = 'two people'
        and not unbroken.is_told_by(new.requested_by, new.log, new.requested_seq, 'log.erasure_requested', v_what || jsonb_build_object(
              'with_acted', new.with_acted, 'subjects', case tg_op when 'INSERT' then to_jsonb(new.subjects) else '[]' end)
              || case when new.despite_floors then '{"despite_floors": true}' else '{}' end::jsonb)
     or new.confirmed_seq is not null and new.basis = 'two people' and not unbroken.is_told_by(new.confirmed_by, new.log, new.confirmed_seq, 'log.erasure_confirmed', v_what)
     or new.withdrawn_seq is not null and not unbroken.is_told_by(new.withdrawn_by, new.log, new.withdrawn_seq, 'log.erasure_withdrawn', v_what)
     or new.begun_seq is not null and not unbroken.is_told_by(new.begun_by, new.log, new.begun_seq, 'log.erased', v_what || jsonb_build_object('order', new.order_sha256))
     or new.basis = 'ledger' and new.begun_seq is not null
        and not exists (select from entries e join payloads p on p.log = e.log and p.seq = e.seq
                         where e.log = any (unbroken.incarnations_of(new.log)) and e.event_type = 'log.erasure_reapplied' and p.details::jsonb @> v_what)
     or new.done_seq is not null
        and not unbroken.is_told(new.log, new.done_seq, 'log.erased', v_what || jsonb_build_object('complete', true, 'certificate', new.certificate_sha256)) then
    raise exception 'an erasure takes its steps in order, each with its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

create or replace function unbroken.refuse_untold_forgetting() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if not unbroken.is_told(new.log, new.seq, 'log.erased', jsonb_build_object('pseudonyms', jsonb_build_array(new.pseudonym))) then
    raise exception 'a name is forgotten by its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A mapping goes when an entry has told that its pseudonym is forgotten, and does not come again.
create or replace function unbroken.refuse_forgetting() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'DELETE' and not exists (select from forgotten f where f.log = old.log and f.pseudonym = old.pseudonym)
     or tg_op = 'INSERT' and unbroken.is_forgotten(new.log, new.pseudonym) then
    raise exception 'a name is forgotten by its entry in the log, and for good' using errcode = 'UB010';
  end if;
  if tg_op = 'DELETE' and unbroken.is_name_held(old.log, unbroken.namesakes(old.log, old.pseudonym)) then
    raise exception 'a legal hold keeps this name: % on % is refused', tg_op, tg_table_name using errcode = 'UB014';
  end if;
  return coalesce(new, old);
end $$;

-- What an entry holds goes while a disposal that has it on its list is under way, or an erasure of somebody it is about, and never
-- while a legal hold covers it. The log's own entries keep theirs.
create or replace function unbroken.refuse_unasked_erasing() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_entry   unbroken.entries;
  v_erasure record;
begin
  if unbroken.is_held(old.log, old.seq) then
    raise exception 'a legal hold keeps this: % on % is refused', tg_op, tg_table_name using errcode = 'UB014';
  end if;
  -- The table is a partition of one part.
  if unbroken.is_being_disposed_of(old.log, old.seq, split_part(tg_table_name, '_', 1)) then
    return old;
  end if;
  select e.* into v_entry from entries e where e.log = old.log and e.seq = old.seq and e.event like '%"recorder":"%';
  for v_erasure in
    select r.erasure, r.subjects, r.with_acted from erasures r
     where r.log = v_entry.log and r.begun_seq is not null and r.done_seq is null and r.upto_at >= v_entry.recorded_at
  loop
    if unbroken.is_about(v_entry.event, v_entry.actor_id, v_entry.subjects, v_entry.resource_id, false, v_erasure.subjects, v_erasure.with_acted)
       or unbroken.is_about(v_entry.event, v_entry.actor_id, v_entry.subjects, v_entry.resource_id, true, v_erasure.subjects, v_erasure.with_acted)
          and (exists (select from erasure_sessions s
                        where s.log = v_entry.log and s.erasure = v_erasure.erasure and s.session_id = v_entry.session_id)
               or unbroken.is_session_of(v_entry.log, v_entry.session_id, v_erasure.subjects)) then
      return old;
    end if;
  end loop;
  raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name using errcode = 'UB010';
end $$;

-- A set of policies is proposed and decided once, each with its entry.
create or replace function unbroken.refuse_untold_policy_set() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_what constant jsonb := jsonb_build_object('version', new.version);
begin
  if tg_op = 'INSERT' and new.outcome is not null
     or tg_op = 'UPDATE' and (
          (new.log, new.version, new.text, new.sha256, new.simulated, new.reason, new.proposed_by, new.proposed_at, new.proposed_seq, new.expires_at)
            is distinct from (old.log, old.version, old.text, old.sha256, old.simulated, old.reason, old.proposed_by, old.proposed_at, old.proposed_seq, old.expires_at)
          or old.outcome is not null)
     or new.sha256 <> unbroken.sha256_of(new.text)
     or tg_op = 'INSERT' and not unbroken.is_told_by(new.proposed_by, new.log, new.proposed_seq, 'log.policies_proposed', v_what || jsonb_build_object(
          'sha256', new.sha256, 'text', new.text, 'simulated', new.simulated, 'reason', new.reason, 'valid_until', unbroken.time_text(new.expires_at)))
     or new.outcome = 'confirmed' and not unbroken.is_told_by(new.decided_by, new.log, new.decided_seq, 'log.policies_confirmed', v_what || jsonb_build_object('sha256', new.sha256))
     or new.outcome = 'withdrawn' and not unbroken.is_told_by(new.decided_by, new.log, new.decided_seq, 'log.policies_withdrawn', v_what) then
    raise exception 'a set of policies is proposed and decided once, each with its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- When something began is told with an entry, and told anew with another.
create or replace function unbroken.refuse_untold_start() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'UPDATE' and ((new.log, new.kind, new.item) is distinct from (old.log, old.kind, old.item) or new.seq <= old.seq)
     or not unbroken.is_told_by(new.told_by, new.log, new.seq, 'log.start_told', jsonb_build_object(
          'kind', new.kind, 'item', new.item, 'at', unbroken.time_text(new.at), 'evidence', new.evidence)) then
    raise exception 'when a period starts is told by an entry in the log, and told anew by another' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- Two people approve of what goes without being asked each time, and one ends it, each with an entry.
create or replace function unbroken.refuse_untold_standing() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_what constant jsonb := jsonb_build_object('approval', new.approval);
begin
  if tg_op = 'INSERT' and (new.confirmed_seq is not null or new.ended_seq is not null)
     or tg_op = 'UPDATE' and (
          (new.log, new.approval, new.policies, new.reason, new.asked_by, new.asked_at, new.asked_seq, new.expires_at, new.valid_until)
            is distinct from (old.log, old.approval, old.policies, old.reason, old.asked_by, old.asked_at, old.asked_seq, old.expires_at, old.valid_until)
          or old.ended_seq is not null
          or old.confirmed_seq is not null and (new.confirmed_by, new.confirmed_at, new.confirmed_seq) is distinct from (old.confirmed_by, old.confirmed_at, old.confirmed_seq))
     or tg_op = 'INSERT' and not unbroken.is_told_by(new.asked_by, new.log, new.asked_seq, 'log.standing_asked', v_what || jsonb_build_object(
          'policies', to_jsonb(new.policies), 'reason', new.reason, 'valid_until', unbroken.time_text(new.valid_until), 'answer_until', unbroken.time_text(new.expires_at)))
     or new.confirmed_seq is not null and not unbroken.is_told_by(new.confirmed_by, new.log, new.confirmed_seq, 'log.standing_confirmed', v_what)
     or new.ended_seq is not null and not unbroken.is_told_by(new.ended_by, new.log, new.ended_seq, 'log.standing_ended', v_what) then
    raise exception 'an approval in advance takes its steps in order, each with its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A hold is issued, reviewed and released by its entries; released only once nothing of it is open any more.
create or replace function unbroken.refuse_untold_hold() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_what constant jsonb := jsonb_build_object('hold', new.hold);
begin
  if tg_op = 'INSERT' and num_nonnulls(new.reviewed_seq, new.released_seq) > 0
     or tg_op = 'UPDATE' and (
       (new.log, new.hold, new.matter, new.kind, new.reason, new.grace_days, new.review_days, new.issued_by, new.issued_at, new.issued_seq)
         is distinct from (old.log, old.hold, old.matter, old.kind, old.reason, old.grace_days, old.review_days, old.issued_by, old.issued_at, old.issued_seq)
       or old.released_seq is not null
       or (new.reviewed_by, new.reviewed_at, new.reviewed_seq) is distinct from (old.reviewed_by, old.reviewed_at, old.reviewed_seq)
          and (new.reviewed_at > coalesce(old.reviewed_at, old.issued_at)
               and unbroken.is_told_by(new.reviewed_by, new.log, new.reviewed_seq, 'log.hold_reviewed', v_what)) is not true)
     or new.released_seq is not null
        and (exists (select from hold_scopes s where s.log = new.log and s.hold = new.hold and s.ended_seq is null)
             or not unbroken.is_told(new.log, new.released_seq, 'log.hold_changed', v_what || '{"kind": "release"}'))
     or not unbroken.is_told_by(new.issued_by, new.log, new.issued_seq, 'log.hold_issued', v_what || jsonb_build_object(
          'matter', new.matter, 'kind', new.kind, 'reason', new.reason, 'grace_days', new.grace_days, 'review_days', new.review_days)) then
    raise exception 'a hold takes its steps in order, each with its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- What a hold covers is what was issued, or what two people narrowed it to; it ends once, when two people said so, and not before
-- its grace period is over.
create or replace function unbroken.refuse_untold_hold_scope() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_what  constant jsonb := jsonb_build_object('hold', new.hold);
  v_asked unbroken.hold_requests;
begin
  select r.* into v_asked from hold_requests r
   where r.log = new.log and r.hold = new.hold and r.outcome = 'confirmed'
     and (r.version, r.decided_seq) = (new.version - case tg_op when 'INSERT' then 1 else 0 end, case tg_op when 'INSERT' then new.seq else new.ended_seq end);
  if new.sha256 is distinct from unbroken.sha256_of_scope(new.scope)
     or tg_op = 'UPDATE' and (
       (new.log, new.hold, new.version, new.scope, new.sha256, new.since, new.seq)
         is distinct from (old.log, old.hold, old.version, old.scope, old.sha256, old.since, old.seq)
       or old.ended_seq is not null
       or (new.ends_at >= now() + make_interval(hours => 24 * (select h.grace_days from holds h where h.log = new.log and h.hold = new.hold))) is not true
       or not unbroken.is_told(new.log, new.ended_seq, 'log.hold_changed', v_what || jsonb_build_object(
            'request', v_asked.request, 'kind', v_asked.kind, 'ends_at', unbroken.time_text(new.ends_at))))
     or tg_op = 'INSERT' and (
       new.ended_seq is not null
       or new.version = 1
          and not unbroken.is_told(new.log, new.seq, 'log.hold_issued', v_what || jsonb_build_object('scope', new.scope, 'sha256', new.sha256))
       or new.version > 1
          and (v_asked.scope is distinct from new.scope
               or not exists (select from hold_scopes o where o.log = new.log and o.hold = new.hold and o.version = new.version - 1
                                 and o.ended_seq = new.seq and unbroken.is_narrowing(o.scope, new.scope))
               or not unbroken.is_told(new.log, new.seq, 'log.hold_changed', v_what || jsonb_build_object(
                    'request', v_asked.request, 'kind', 'narrow', 'version', new.version, 'sha256', new.sha256)))) then
    raise exception 'what a hold covers begins and ends with its entries in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A change of a hold is asked for by one person, of the scope that is open, and decided once; confirmed by another while it is
-- good.
create or replace function unbroken.refuse_untold_hold_request() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_what constant jsonb := jsonb_build_object('request', new.request, 'hold', new.hold, 'kind', new.kind);
begin
  if tg_op = 'INSERT' and (
       new.outcome is not null or new.expires_at > new.asked_at + interval '168 hours'
       or not exists (select from hold_scopes s where s.log = new.log and s.hold = new.hold and s.version = new.version
                         and s.sha256 = new.sha256 and s.ended_seq is null)
       or not unbroken.is_told_by(new.asked_by, new.log, new.asked_seq, 'log.hold_change_asked', v_what || jsonb_strip_nulls(jsonb_build_object(
            'version', new.version, 'sha256', new.sha256, 'scope', new.scope, 'valid_until', unbroken.time_text(new.expires_at)))))
     or tg_op = 'UPDATE' and (
       (new.log, new.request, new.hold, new.kind, new.version, new.sha256, new.scope, new.reason, new.asked_by, new.asked_at, new.asked_seq, new.expires_at)
         is distinct from (old.log, old.request, old.hold, old.kind, old.version, old.sha256, old.scope, old.reason, old.asked_by, old.asked_at, old.asked_seq, old.expires_at)
       or old.outcome is not null
       or not coalesce(case new.outcome
            when 'confirmed' then new.decided_at <= new.expires_at
                                  and unbroken.is_told_by(new.decided_by, new.log, new.decided_seq, 'log.hold_changed', v_what)
            when 'withdrawn' then unbroken.is_told_by(new.decided_by, new.log, new.decided_seq, 'log.hold_change_withdrawn',
                                                      jsonb_build_object('request', new.request))
          end, false)) then
    raise exception 'a change of a hold is asked for and decided once, by its entries' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A disposal takes its steps in order, each with its entry. Its list grows until it is proposed and stands from then on; it may be
-- reviewed again until it is approved. Nothing of it is gone before all lots are through, nor it done before all is gone.
create or replace function unbroken.refuse_untold_disposal() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_what constant jsonb := jsonb_build_object('disposal', new.disposal);
begin
  if tg_op = 'INSERT' and (num_nonnulls(new.sha256, new.proposed_seq, new.reviewed_seq, new.approved_seq, new.withdrawn_seq, new.begun_seq, new.emptied_at, new.gone_at, new.done_seq) > 0
                           or (new.reached, new.entries, new.payloads, new.originals, new.keys, new.kept) <> (0, 0, 0, 0, 0, 0))
     or tg_op = 'UPDATE' and (
       (new.log, new.disposal, new.standing) is distinct from (old.log, old.disposal, old.standing)
       or old.withdrawn_seq is not null or old.done_seq is not null
       or old.proposed_seq is not null
          and (new.policies_version, new.upto, new.reached, new.entries, new.sha256, new.started_by, new.started_at, new.proposed_by, new.proposed_at, new.proposed_seq, new.expires_at)
              is distinct from (old.policies_version, old.upto, old.reached, old.entries, old.sha256, old.started_by, old.started_at, old.proposed_by, old.proposed_at, old.proposed_seq, old.expires_at)
       or old.reviewed_seq is not null and coalesce(new.reviewed_seq, 0) < old.reviewed_seq
       or old.approved_seq is not null
          and (new.reviewed_by, new.reviewed_at, new.reviewed_seq, new.approved_by, new.approved_at, new.approved_seq)
              is distinct from (old.reviewed_by, old.reviewed_at, old.reviewed_seq, old.approved_by, old.approved_at, old.approved_seq)
       or old.begun_seq is not null and (new.begun_by, new.begun_at, new.begun_seq, new.withdrawn_seq) is distinct from (old.begun_by, old.begun_at, old.begun_seq, null)
       or (old.emptied_at is not null or new.emptied_at is null)
          and (new.emptied_at, new.payloads, new.originals, new.keys, new.kept) is distinct from (old.emptied_at, old.payloads, old.originals, old.keys, old.kept)
       or old.gone_at is not null and new.gone_at is distinct from old.gone_at)
     or new.proposed_seq is distinct from old.proposed_seq
        and (new.sha256 is distinct from unbroken.hash_of_lots(new.log, new.disposal)
             or new.entries is distinct from (select sum(l.entries) from disposal_lots l where l.log = new.log and l.disposal = new.disposal)
             or not unbroken.is_told_by(new.proposed_by, new.log, new.proposed_seq, 'log.disposal_proposed', v_what || jsonb_build_object(
                  'standing', new.standing, 'upto', new.upto, 'policies_version', new.policies_version, 'entries', new.entries, 'sha256', new.sha256))
             or new.standing and exists (select from disposal_groups g where g.log = new.log and g.disposal = new.disposal
                                            and not g.policies <@ unbroken.standing_policies(new.log)))
     or new.reviewed_seq is distinct from old.reviewed_seq
        and (new.standing or not unbroken.is_told_by(new.reviewed_by, new.log, new.reviewed_seq, 'log.disposal_reviewed', v_what || jsonb_build_object('sha256', new.sha256)))
     or new.approved_seq is distinct from old.approved_seq
        and (case when new.standing then (new.approved_by, new.approved_at, new.approved_seq) = (new.proposed_by, new.proposed_at, new.proposed_seq)
                  else unbroken.is_told_by(new.approved_by, new.log, new.approved_seq, 'log.disposal_approved', v_what || jsonb_build_object('sha256', new.sha256)) end) is not true
     or new.withdrawn_seq is distinct from old.withdrawn_seq
        and not unbroken.is_told_by(new.withdrawn_by, new.log, new.withdrawn_seq, 'log.disposal_withdrawn', v_what)
     or new.begun_seq is distinct from old.begun_seq
        and not unbroken.is_told_by(new.begun_by, new.log, new.begun_seq, 'log.disposing', v_what || jsonb_build_object('sha256', new.sha256))
     or new.emptied_at is distinct from old.emptied_at
        and new.entries is distinct from (select sum(l.entries) from disposal_lots l where l.log = new.log and l.disposal = new.disposal and l.done_seq is not null)
     or new.gone_at is distinct from old.gone_at
        and exists (select from disposal_places p where p.log = new.log and p.disposal = new.disposal and p.gone_at is null)
     or new.done_seq is distinct from old.done_seq
        and not unbroken.is_told(new.log, new.done_seq, 'log.disposed', v_what || jsonb_build_object('complete', true, 'certificate', new.certificate_sha256)) then
    raise exception 'a disposal takes its steps in order, each with its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A list is made before it is proposed, in its order and with its hashes; a lot is through once, with the entry that says what became
-- of it.
create or replace function unbroken.refuse_unfrozen_lot() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_of unbroken.disposals;
begin
  if tg_op = 'DELETE' then
    select d.* into v_of from disposals d where d.log = old.log and d.disposal = old.disposal;
  else
    select d.* into v_of from disposals d where d.log = new.log and d.disposal = new.disposal;
  end if;
  if tg_op <> 'UPDATE' and v_of.proposed_seq is not null
     or tg_op = 'INSERT'
        and (new.done_seq is not null or new.sha256 is distinct from unbroken.hash_of_lot(new.part, unbroken.ranges_in(new.seqs))
             or new.entries is distinct from (select sum(upper(r.r) - lower(r.r)) from unnest(new.seqs) as r (r))
             or exists (select from disposal_lots l where l.log = new.log and l.disposal = new.disposal and l.part = new.part and l.done_seq is null and l.last >= new.first))
     or tg_op = 'UPDATE'
        and ((new.log, new.disposal, new.part, new.nth, new.seqs, new.first, new.last, new.entries, new.sha256)
               is distinct from (old.log, old.disposal, old.part, old.nth, old.seqs, old.first, old.last, old.entries, old.sha256)
             or old.done_seq is not null or v_of.begun_seq is null
             or not unbroken.is_told(new.log, new.done_seq, 'log.disposed', jsonb_build_object('disposal', new.disposal))) then
    raise exception 'a list is made before it is proposed, and gone through once, by its entries' using errcode = 'UB010';
  end if;
  return coalesce(new, old);
end $$;

create or replace function unbroken.refuse_unfrozen_group() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if exists (select from disposals d where d.proposed_seq is not null and (d.log, d.disposal) in ((old.log, old.disposal), (new.log, new.disposal))) then
    raise exception 'a list is made before it is proposed' using errcode = 'UB010';
  end if;
  return coalesce(new, old);
end $$;

-- What was deleted is noted as gone when it is.
create or replace function unbroken.refuse_unseen_place() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'INSERT' and not exists (select from disposals d where d.log = new.log and d.disposal = new.disposal and d.begun_seq is not null and d.emptied_at is null)
     or tg_op = 'INSERT' and new.how is not null and unbroken.partition_of(new.part, new.log, new.number) is not null
     or tg_op = 'UPDATE'
        and ((new.log, new.disposal, new.number, new.part, new.heap, new.toast, new.file)
               is distinct from (old.log, old.disposal, old.number, old.part, old.heap, old.toast, old.file)
             or old.gone_at is not null or new.how is not null and new.how is distinct from unbroken.way_gone(old)) then
    raise exception 'what was deleted is gone when the server says so' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- What reviewers decide is told by its entry, and before anybody approves.
create or replace function unbroken.refuse_untold_decision() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if not exists (select from disposals d where d.log = new.log and d.disposal = new.disposal and not d.standing and d.proposed_seq is not null
                    and num_nonnulls(d.approved_seq, d.withdrawn_seq) = 0)
     or not unbroken.is_told_by(new.decided_by, new.log, new.seq, 'log.disposal_decided', jsonb_strip_nulls(jsonb_build_object(
          'disposal', new.disposal, 'nth', new.nth, 'decision', new.decision, 'classes', to_jsonb(new.classes), 'numbers', unbroken.ranges_in(new.seqs),
          'until', unbroken.time_text(new.until), 'domains', to_jsonb(new.domains), 'reason', new.reason))) then
    raise exception 'what is decided about a disposal is told by its entry, before it is approved' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A session is a person's where they act or are named in it.
create or replace function unbroken.refuse_foreign_session() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if not exists (select from erasures r where r.log = new.log and r.erasure = new.erasure and r.done_seq is null
                    and unbroken.is_session_of(new.log, new.session_id, r.subjects)) then
    raise exception 'a session is erased with somebody who was in it' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- People read where the log was opened for it: the first server from the beginning, another by the entry that tells of it.
create or replace function unbroken.refuse_untold_recovery() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if new.seq is null and exists (select from recoveries r where r.log = new.log)
     or new.seq is not null
        and not unbroken.is_told(new.log, new.seq, 'log.restored',
                                 jsonb_build_object('system_identifier', new.system_identifier::text, 'timeline', new.timeline,
                                                    'relation', new.relation::bigint)) then
    raise exception 'reading is opened on another server by its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A tile grows by what is put behind.
create or replace function unbroken.refuse_regrowing() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if (new.log, new.level, new.index) is distinct from (old.log, old.level, old.index)
     or substring(new.hashes for length(old.hashes)) <> old.hashes then
    raise exception 'a tile only grows' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A tree is signed once; again only with a later time, and only the newest.
create or replace function unbroken.refuse_resigning() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if tg_op = 'INSERT' and exists (select from checkpoints c where c.log = new.log and c.size > new.size)
     or tg_op = 'UPDATE' and ((new.log, new.size, new.root) is distinct from (old.log, old.size, old.root) or new.signed_at <= old.signed_at
                              or exists (select from checkpoints c where c.log = new.log and c.size > new.size)) then
    raise exception 'a checkpoint is of a larger tree than those before, and stays' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- What was confirmed grows with the log; what was closed stays closed.
create or replace function unbroken.refuse_reopening() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if new.log <> old.log or old.closed_because is not null or new.size < old.size or new.size = old.size and new.root <> old.root then
    raise exception 'a log is closed for good, and confirmed for no smaller tree than before' using errcode = 'UB010';
  end if;
  return new;
end $$;

-- A key is stated by its entry, and an alarm is one.
create or replace function unbroken.refuse_untold_key() returns trigger
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  if not unbroken.is_told(new.log, new.seq, 'log.key_stated', jsonb_build_object('change', new.change, 'key', new.key, 'statement', new.statement)) then
    raise exception 'a key is stated by its entry in the log' using errcode = 'UB010';
  end if;
  return new;
end $$;

do $$
declare
  v_table text;
  v_guard text[];
begin
  for v_table in select c.relname from pg_class c where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition loop
    execute format('create or replace trigger refuse_truncate before truncate on unbroken.%I execute function unbroken.refuse_change()', v_table);
    execute format('alter table unbroken.%I enable always trigger refuse_truncate', v_table);
  end loop;
  foreach v_table in array array['entries', 'event_ids', 'logs', 'migrations', 'recorders', 'pseudonym_keys',
                                 'name_lookups', 'registries', 'unclassified', 'forgotten', 'recoveries', 'erasure_sessions',
                                 'anchorings', 'key_statements', 'alarms', 'retention_locks', 'retention_classes',
                                 'disposal_decisions'] loop
    execute format('create or replace trigger refuse_change before update or delete on unbroken.%I for each row execute function unbroken.refuse_change()', v_table);
    execute format('alter table unbroken.%I enable always trigger refuse_change', v_table);
  end loop;
  -- What goes by an erasure alone, and never changes.
  foreach v_guard slice 1 in array array[
    ['payloads', 'refuse_unasked_erasing', 'delete'], ['originals', 'refuse_unasked_erasing', 'delete'], ['identities', 'refuse_forgetting', 'insert or delete']]
  loop
    execute format('create or replace trigger refuse_change before update on unbroken.%I for each row execute function unbroken.refuse_change()', v_guard[1]);
    execute format('alter table unbroken.%I enable always trigger refuse_change', v_guard[1]);
    execute format('create or replace trigger %I before %s on unbroken.%I for each row execute function unbroken.%I()',
                   v_guard[2], v_guard[3], v_guard[1], v_guard[2]);
    execute format('alter table unbroken.%I enable always trigger %I', v_guard[1], v_guard[2]);
  end loop;
  foreach v_guard slice 1 in array array[
    ['sessions', 'refuse_uncounting', 'update'], ['approvals', 'refuse_undeciding', 'update'], ['grants', 'refuse_untold_grant', 'insert or update'],
    ['access_requests', 'refuse_redeciding', 'update'], ['tickets', 'refuse_untold_ticket', 'insert or update'],
    ['agents', 'refuse_unseen_agent', 'insert or update'], ['subject_keys', 'refuse_reassigning', 'update'],
    ['openings', 'refuse_untold_opening', 'insert or update'], ['erasures', 'refuse_untold_erasure', 'insert or update'],
    ['tiles', 'refuse_regrowing', 'update'], ['checkpoints', 'refuse_resigning', 'insert or update'], ['continuity', 'refuse_reopening', 'update'],
    ['policy_sets', 'refuse_untold_policy_set', 'insert or update'], ['start_events', 'refuse_untold_start', 'insert or update'],
    ['standing_approvals', 'refuse_untold_standing', 'insert or update'], ['holds', 'refuse_untold_hold', 'insert or update'],
    ['hold_scopes', 'refuse_untold_hold_scope', 'insert or update'], ['hold_requests', 'refuse_untold_hold_request', 'insert or update'],
    ['disposals', 'refuse_untold_disposal', 'insert or update'], ['disposal_places', 'refuse_unseen_place', 'insert or update']]
  loop
    execute format('create or replace trigger refuse_delete before delete on unbroken.%I for each row execute function unbroken.refuse_change()', v_guard[1]);
    execute format('alter table unbroken.%I enable always trigger refuse_delete', v_guard[1]);
    execute format('create or replace trigger %I before %s on unbroken.%I for each row execute function unbroken.%I()',
                   v_guard[2], v_guard[3], v_guard[1], v_guard[2]);
    execute format('alter table unbroken.%I enable always trigger %I', v_guard[1], v_guard[2]);
  end loop;
  create or replace trigger refuse_delete before delete on unbroken.denials for each row execute function unbroken.refuse_change();
  alter table unbroken.denials enable always trigger refuse_delete;
  foreach v_guard slice 1 in array array[
    ['registries', 'refuse_untold_registry'], ['name_lookups', 'refuse_untold_lookup'], ['forgotten', 'refuse_untold_forgetting'],
    ['recoveries', 'refuse_untold_recovery'], ['erasure_sessions', 'refuse_foreign_session'], ['key_statements', 'refuse_untold_key'],
    ['disposal_decisions', 'refuse_untold_decision']]
  loop
    execute format('create or replace trigger %I before insert on unbroken.%I for each row execute function unbroken.%I()',
                   v_guard[2], v_guard[1], v_guard[2]);
    execute format('alter table unbroken.%I enable always trigger %I', v_guard[1], v_guard[2]);
  end loop;
  create or replace trigger refuse_unwrapping before insert or update or delete on unbroken.wrapped_keys
    for each row execute function unbroken.refuse_unwrapping();
  alter table unbroken.wrapped_keys enable always trigger refuse_unwrapping;
  foreach v_guard slice 1 in array array[['disposal_lots', 'refuse_unfrozen_lot'], ['disposal_groups', 'refuse_unfrozen_group']]
  loop
    execute format('create or replace trigger %I before insert or update or delete on unbroken.%I for each row execute function unbroken.%I()',
                   v_guard[2], v_guard[1], v_guard[2]);
    execute format('alter table unbroken.%I enable always trigger %I', v_guard[1], v_guard[2]);
  end loop;
  drop trigger if exists refuse_update on unbroken.grants;
end $$;
