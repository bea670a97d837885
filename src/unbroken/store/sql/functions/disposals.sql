-- Disposal: what is due is found and frozen in lots, proposed with the hash of them, reviewed, approved by another person, announced,
-- and then destroyed lot by lot under the lock that holds take, each with an entry that says what went and what was left. Lines
-- stay as they are. What of it is still in the files afterwards: dropping.sql.

-- The policies whose expiry was approved of in advance.
create or replace function unbroken.standing_policies(p_log integer) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return array(select distinct p.id collate "C" from unbroken.standing_in_force(p_log) a, unnest(a.policies) as p (id) order by 1);
end $$;

-- '3-7,9' as a set of numbers; null for any other text.
create or replace function unbroken.numbers_in(p_ranges text) returns int8multirange
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  if p_ranges !~ '^[1-9][0-9]{0,17}(-[1-9][0-9]{0,17})?(,[1-9][0-9]{0,17}(-[1-9][0-9]{0,17})?)*$' then
    return null;
  end if;
  return (select range_agg(int8range(split_part(r.text, '-', 1)::bigint, split_part(r.text, '-', -1)::bigint, '[]'))
            from regexp_split_to_table(p_ranges, ',') as r (text));
exception when data_exception then
  return null;
end $$;
create or replace function unbroken.ranges_in(p_numbers int8multirange) returns text
language sql immutable set search_path = unbroken, pg_temp as $$
  select string_agg(case when upper(r.r) = lower(r.r) + 1 then lower(r.r)::text else lower(r.r) || '-' || upper(r.r) - 1 end, ',' order by r.r)
    from unnest(p_numbers) as r (r)
$$;

-- How far a disposal is.
create or replace function unbroken.state_of(p_disposal unbroken.disposals) returns text
language sql stable set search_path = unbroken, pg_temp as $$
  select case
    when (p_disposal).done_seq is not null then 'done'
    when (p_disposal).withdrawn_seq is not null then 'withdrawn'
    when (p_disposal).gone_at is not null then 'gone'
    when (p_disposal).emptied_at is not null then 'emptied'
    when (p_disposal).begun_seq is not null then 'begun'
    when (p_disposal).proposed_seq is null then 'frozen'
    when (p_disposal).expires_at < clock_timestamp() then 'expired'
    when (p_disposal).approved_seq is not null then 'approved'
    when (p_disposal).reviewed_seq is not null then 'reviewed'
    else 'proposed'
  end
$$;

-- A disposal, locked; refused unless it is in one of these states.
create or replace function unbroken.disposal_in(p_log integer, p_disposal uuid, p_states text[]) returns unbroken.disposals
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_found unbroken.disposals;
begin
  select d.* into v_found from disposals d where d.log = p_log and d.disposal = p_disposal for update;
  if not found then
    raise exception 'there is no such disposal' using errcode = 'UB009';
  end if;
  if unbroken.state_of(v_found) <> all (p_states) then
    raise exception 'this disposal is %: that is for one that is %', unbroken.state_of(v_found), array_to_string(p_states, ' or ') using errcode = 'UB009';
  end if;
  return v_found;
end $$;

-- ---- Candidates ----

-- Starts looking for what is due, up to the log's present end; or goes on, where that was interrupted under the same policies.
-- What was proposed and not approved in time is withdrawn. No row where no policies are in force, or none was approved of in advance:
-- then there is nothing to look for.
create or replace function unbroken.start_disposal(p_log text, p_standing boolean) returns table (disposal uuid, upto bigint)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log     constant int := unbroken.log_for_reader(p_log);
  v_version constant int := (unbroken.policies_in_force(v_log)).version;
  v_open    unbroken.disposals;
begin
  if v_version is null or p_standing and unbroken.standing_policies(v_log) = '{}'
                          and not exists (select from disposals d where d.log = v_log and d.standing and d.done_seq is null and d.withdrawn_seq is null) then
    return;
  end if;
  perform unbroken.require_recovered(unbroken.newest_of(v_log));
  insert into disposals (log, disposal, standing, policies_version, upto)
  values (v_log, gen_random_uuid(), coalesce(p_standing, false), v_version, unbroken.head_of(v_log)) on conflict do nothing;
  select d.* into strict v_open from disposals d
   where d.log = v_log and d.standing = coalesce(p_standing, false) and d.done_seq is null and d.withdrawn_seq is null for update;
  case unbroken.state_of(v_open)
    when 'frozen' then
      if v_open.policies_version <> v_version or v_open.started_at < clock_timestamp() - interval '1 day'
         or v_open.reached >= v_open.upto and v_open.entries = 0
         or v_open.standing and exists (select from disposal_groups g where g.log = v_log and g.disposal = v_open.disposal
                                           and not g.policies <@ unbroken.standing_policies(v_log)) then
        delete from disposal_lots l where l.log = v_log and l.disposal = v_open.disposal;
        delete from disposal_groups g where g.log = v_log and g.disposal = v_open.disposal;
        update disposals d
           set policies_version = v_version, upto = unbroken.head_of(v_log), reached = 0, entries = 0, started_by = session_user,
               started_at = clock_timestamp()
         where d.log = v_log and d.disposal = v_open.disposal
        returning d.* into v_open;
      end if;
    when 'expired' then
      perform unbroken.put_withdrawn(v_log, v_open.disposal, 'not approved and begun in time');
      return query select * from unbroken.start_disposal(p_log, p_standing);
      return;
    else
      raise exception 'a disposal is under way: it is %', unbroken.state_of(v_open) using errcode = 'UB009';
  end case;
  disposal := v_open.disposal;
  upto := v_open.upto;
  return next;
end $$;

-- The next entries after a number that still hold something, as far as they are looked at.
create or replace function unbroken.holding_content(p_log integer, p_after bigint, p_upto bigint, p_limit integer) returns bigint[]
language sql stable set search_path = unbroken, pg_temp as $$
  select array(
    select s.seq
      from ((select p.seq from payloads p where p.log = p_log and p.seq > p_after and p.seq <= p_upto order by p.seq limit p_limit)
            union
            (select o.seq from originals o where o.log = p_log and o.seq > p_after and o.seq <= p_upto order by o.seq limit p_limit)) as s
     order by s.seq limit p_limit)
$$;

-- What other disposals have on their lists of these entries.
create or replace function unbroken.listed_elsewhere(p_log integer, p_disposal uuid, p_first bigint, p_last bigint) returns int8multirange
language sql stable set search_path = unbroken, pg_temp as $$
  select coalesce(range_agg(l.seqs), '{}')
    from disposals d
    join disposal_lots l on l.log = d.log and l.disposal = d.disposal
   where d.log = p_log and d.disposal <> p_disposal and d.done_seq is null and d.withdrawn_seq is null and d.proposed_seq is not null
     and l.done_seq is null and l.first <= p_last and l.last >= p_first
$$;

-- Those of these entries that are due and not held, with what they fall under: both parts of one, or one part that is there.
create or replace function unbroken.disposable_among(p_log integer, p_seqs bigint[]) returns table (seq bigint, part text, policies text[])
language plpgsql stable set search_path = unbroken, pg_temp set jit = off as $$
#variable_conflict use_column
declare
  v_now  constant timestamptz := clock_timestamp();
  v_held constant bigint[] := unbroken.held_among(p_log, p_seqs);
begin
  return query
  with due as materialized (
    select d.seq, d.part, d.policies
      from unbroken.due_among(p_log, p_seqs) d
     where unbroken.is_due(d.waits, d.keep_until, d.erase_by, v_now)
       and not exists (select from unnest(v_held) as h (seq) where h.seq = d.seq)
  )
  select d.seq, d.part, d.policies from due d where d.part = 'both'
  union all
  select d.seq, case when count(distinct d.part) = 2 then 'both' else min(d.part) end, array_agg(distinct p.id order by p.id)
    from due d cross join unnest(d.policies) as p (id)
   where d.part <> 'both' and unbroken.has_part(p_log, d.seq, d.part)
   group by d.seq;
end $$;

-- Looks through the next entries and puts those that may go on the list. Through with it where 'reached' is 'upto'.
create or replace function unbroken.freeze_disposal(p_log text, p_disposal uuid, p_limit integer)
returns table (reached bigint, upto bigint, entries bigint)
language plpgsql security definer set search_path = unbroken, pg_temp set jit = off as $$
#variable_conflict use_column
declare
  v_log    constant int := unbroken.log_for_reader(p_log);
  v_limit  constant int := least(greatest(coalesce(p_limit, 10000), 1), 50000);
  v_open   constant unbroken.disposals := unbroken.disposal_in(v_log, p_disposal, array['frozen']);
  v_approved constant text[] := unbroken.standing_policies(v_log);
  v_seqs   bigint[];
  v_listed int8multirange;
  v_both   bigint[];
  v_originals bigint[];
  v_payloads bigint[];
begin
  if v_open.policies_version is distinct from (unbroken.policies_in_force(v_log)).version then
    raise exception 'the policies were changed since this was begun: start it anew' using errcode = 'UB009';
  end if;
  v_seqs := unbroken.holding_content(v_log, v_open.reached, v_open.upto, v_limit);
  v_listed := unbroken.listed_elsewhere(v_log, p_disposal, v_seqs[1], v_seqs[cardinality(v_seqs)]);
  with found as materialized (
    select c.seq, c.part, c.policies, e.class, e.recorded_at
      from unbroken.disposable_among(v_log, v_seqs) c join entries e on e.log = v_log and e.seq = c.seq
     where (c.policies <@ v_approved) = v_open.standing and not v_listed @> c.seq
  ), counted as materialized (
    select f.class, f.part, f.policies, count(*) as entries, min(f.seq) as first, max(f.seq) as last, min(f.recorded_at) as oldest, max(f.recorded_at) as newest
      from found f group by f.class, f.part, f.policies
  ), grouped as (
    insert into disposal_groups as g (log, disposal, class, part, policies, entries, first, last, oldest, newest)
    select v_log, p_disposal, c.class, c.part,
           (select array_agg(distinct p.id order by p.id) from counted o, unnest(o.policies) as p (id) where (o.class, o.part) = (c.class, c.part)),
           sum(c.entries), min(c.first), max(c.last), min(c.oldest), max(c.newest)
      from counted c group by c.class, c.part
    on conflict (log, disposal, class, part) do update
       set policies = array(select distinct p.id from unnest(g.policies || excluded.policies) as p (id) order by 1),
           entries = g.entries + excluded.entries, last = excluded.last,
           oldest = least(g.oldest, excluded.oldest), newest = greatest(g.newest, excluded.newest)
  )
  select coalesce(array_agg(f.seq order by f.seq) filter (where f.part = 'both'), '{}'),
         coalesce(array_agg(f.seq order by f.seq) filter (where f.part = 'originals'), '{}'),
         coalesce(array_agg(f.seq order by f.seq) filter (where f.part = 'payloads'), '{}')
    into v_both, v_originals, v_payloads from found f;
  perform unbroken.put_lots(v_log, p_disposal, 'both', v_both);
  perform unbroken.put_lots(v_log, p_disposal, 'originals', v_originals);
  perform unbroken.put_lots(v_log, p_disposal, 'payloads', v_payloads);
  return query
  update disposals d
     set reached = case when cardinality(v_seqs) < v_limit then d.upto else v_seqs[v_limit] end, entries = d.entries + cardinality(v_both || v_originals || v_payloads)
   where d.log = v_log and d.disposal = p_disposal
  returning d.reached, d.upto, d.entries;
end $$;

-- The hash of a lot: of its numbers, after the part where one goes alone.
create or replace function unbroken.hash_of_lot(p_part text, p_ranges text) returns text
language plpgsql immutable parallel safe set search_path = unbroken, pg_temp as $$
begin
  return unbroken.sha256_of(case when p_part <> 'both' then p_part || ' ' else '' end || p_ranges);
end $$;

-- Adds candidates, which are beyond all of their part that are on the list: fills its last lot, and begins others of 1000.
create or replace function unbroken.put_lots(p_log integer, p_disposal uuid, p_part text, p_seqs bigint[]) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  c_lot constant int := 1000;
  v_last unbroken.disposal_lots;
  v_rest bigint[] := '{}';
begin
  if p_seqs = '{}' then
    return;
  end if;
  select l.* into v_last from disposal_lots l where l.log = p_log and l.disposal = p_disposal and l.part = p_part order by l.nth desc limit 1;
  if v_last.entries < c_lot then
    v_rest := array(select n.seq from unnest(v_last.seqs) as r (r), generate_series(lower(r.r), upper(r.r) - 1) as n (seq) order by 1);
    delete from disposal_lots l where l.log = p_log and l.disposal = p_disposal and l.part = p_part and l.nth = v_last.nth;
    v_last.nth := v_last.nth - 1;
  end if;
  insert into disposal_lots (log, disposal, part, nth, seqs, first, last, entries, sha256)
  select p_log, p_disposal, p_part, coalesce(v_last.nth, 0) + 1 + t.lot, (select range_agg(int8range(s.seq, s.seq, '[]')) from unnest(t.seqs) as s (seq)),
         t.seqs[1], t.seqs[cardinality(t.seqs)], cardinality(t.seqs), unbroken.hash_of_lot(p_part, unbroken.ranges_of(t.seqs))
    from (select (u.nth - 1) / c_lot as lot, array_agg(u.seq order by u.seq) as seqs
            from unnest(v_rest || p_seqs) with ordinality as u (seq, nth) group by 1) as t
   order by t.lot;
end $$;

-- What stands for a whole list: the hash of its lots' hashes, in the order in which they are gone through.
create or replace function unbroken.hash_of_lots(p_log integer, p_disposal uuid) returns text
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return (select unbroken.sha256_of(string_agg(l.sha256, E'\n' order by l.part, l.nth)) from disposal_lots l where l.log = p_log and l.disposal = p_disposal);
end $$;

-- Proposes what is frozen, with its hash: from here on nothing comes to the list. Null where there is no candidate. Under approvals
-- in advance it is approved with that.
create or replace function unbroken.propose_disposal(p_log text, p_disposal uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log     constant int := unbroken.log_for_reader(p_log);
  v_open    constant unbroken.disposals := unbroken.disposal_in(v_log, p_disposal, array['frozen']);
  v_now     constant timestamptz := clock_timestamp();
  v_until   constant timestamptz := v_now + interval '30 days';
  v_sha256  constant text := unbroken.hash_of_lots(v_log, p_disposal);
  v_under   text[];
  v_standing uuid[];
  v_seq     bigint;
begin
  if v_open.reached < v_open.upto or v_open.policies_version is distinct from (unbroken.policies_in_force(v_log)).version then
    raise exception 'this list is not complete, or the policies were changed since: start it anew' using errcode = 'UB009';
  end if;
  if v_open.entries = 0 then
    return null;
  end if;
  if v_open.standing then
    v_under := array(select distinct p.id from disposal_groups g, unnest(g.policies) as p (id) where g.log = v_log and g.disposal = p_disposal);
    v_standing := array(select a.approval from unbroken.standing_in_force(v_log) a where a.policies && v_under order by 1);
    if not v_under <@ unbroken.standing_policies(v_log) then
      raise exception 'an approval that this counts on has ended: start it anew' using errcode = 'UB009';
    end if;
  end if;
  v_seq := unbroken.append_own(v_log, 'log.disposal_proposed', jsonb_strip_nulls(jsonb_build_object(
    'disposal', p_disposal, 'standing', v_open.standing, 'approvals', to_jsonb(v_standing), 'upto', v_open.upto,
    'policies_version', v_open.policies_version, 'entries', v_open.entries, 'sha256', v_sha256, 'valid_until', unbroken.time_text(v_until))));
  update disposals
     set sha256 = v_sha256, proposed_by = session_user, proposed_at = v_now, proposed_seq = v_seq, expires_at = v_until,
         approved_by = case when standing then session_user end, approved_at = case when standing then v_now end,
         approved_seq = case when standing then v_seq end
   where log = v_log and disposal = p_disposal;
  return v_seq;
end $$;

-- ---- People ----

-- Takes some of it out: kept until a day ('extend'), or looked at under other domains from now on ('relabel'). By classes, which are
-- numbered in disposal_groups, or by entries' numbers, as '3-7,9'. Whoever reviews then reviews it with that.
create or replace function unbroken.decide_disposal(
  p_log text, p_disposal uuid, p_decision text, p_classes integer[], p_numbers text, p_until timestamptz, p_domains text[], p_reason text
) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log     constant int := unbroken.log_for_reader(p_log);
  v_open    constant unbroken.disposals := unbroken.disposal_in(v_log, p_disposal, array['proposed', 'reviewed']);
  v_numbers constant int8multirange := unbroken.numbers_in(p_numbers);
  v_domains constant text[] := array(select distinct d.name collate "C" from unnest(p_domains) as d (name) order by 1);
  v_classes constant int[] := array(select distinct c.class from unnest(p_classes) as c (class) order by 1);
  v_nth     constant int := coalesce((select max(d.nth) from disposal_decisions d where d.log = v_log and d.disposal = p_disposal), 0) + 1;
  v_seq     bigint;
begin
  perform unbroken.check_reason(p_reason);
  if v_open.standing then
    raise exception 'what was approved in advance is not reviewed: end the approval' using errcode = 'UB009';
  end if;
  if (p_decision = 'extend' and p_until > clock_timestamp() and p_until < clock_timestamp() + interval '100 years' and p_domains is null
      or p_decision = 'relabel' and p_until is null and p_domains is not null and cardinality(p_domains) <= 100) is not true
     or exists (select from unnest(v_domains) as d (name) where (d.name ~ '[^[:space:]]' and octet_length(d.name) <= 120 and d.name !~ '[[:cntrl:]]') is not true) then
    raise exception 'a decision is to extend until a later day of the next 100 years, or to relabel with up to 100 domains' using errcode = 'UB009';
  end if;
  if num_nulls(p_classes, p_numbers) <> 1 or p_numbers is not null and (v_numbers is null or octet_length(p_numbers) > 100000)
     or p_classes is not null and (v_classes = '{}' or cardinality(v_classes) > 10000) then
    raise exception 'a decision is about classes, or about entries by their numbers, such as 3-7,9' using errcode = 'UB009';
  end if;
  if p_classes is not null and not v_classes <@ array(select g.class from disposal_groups g where g.log = v_log and g.disposal = p_disposal)
     or p_numbers is not null and not exists (select from disposal_lots l where l.log = v_log and l.disposal = p_disposal and l.seqs && v_numbers) then
    raise exception 'this disposal has no such candidates' using errcode = 'UB009';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.disposal_decided', jsonb_strip_nulls(jsonb_build_object(
    'disposal', p_disposal, 'nth', v_nth, 'decision', p_decision, 'classes', case when p_classes is not null then to_jsonb(v_classes) end,
    'numbers', unbroken.ranges_in(v_numbers), 'until', unbroken.time_text(p_until),
    'domains', case when p_domains is not null then to_jsonb(v_domains) end, 'reason', p_reason)));
  insert into disposal_decisions (log, disposal, nth, decision, classes, seqs, until, domains, reason, decided_by, decided_at, seq)
  values (v_log, p_disposal, v_nth, p_decision, case when p_classes is not null then v_classes end, v_numbers, p_until,
          case when p_domains is not null then v_domains end, p_reason, session_user, clock_timestamp(), v_seq);
  return v_seq;
end $$;

-- Which of these entries reviewers took out of it.
create or replace function unbroken.decided_among(p_log integer, p_disposal uuid, p_seqs bigint[]) returns bigint[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  if not exists (select from disposal_decisions d where d.log = p_log and d.disposal = p_disposal) then
    return '{}';
  end if;
  return array(
    select e.seq
      from unnest(p_seqs) as s (seq) join entries e on e.log = p_log and e.seq = s.seq
     where exists (select from disposal_decisions d where d.log = p_log and d.disposal = p_disposal and (e.class = any (d.classes) or d.seqs @> e.seq))
     order by 1);
end $$;

-- Whether a list is still the one that somebody was shown.
create or replace function unbroken.require_list(p_disposal unbroken.disposals, p_sha256 text) returns void
language plpgsql immutable set search_path = unbroken, pg_temp as $$
begin
  if (p_disposal).sha256 is distinct from p_sha256 then
    raise exception 'this is another list than the one that is proposed: look at it again' using errcode = 'UB009';
  end if;
end $$;

-- Says that somebody looked at the list and, but for what was decided, finds that it may go. Again after a further decision.
create or replace function unbroken.review_disposal(p_log text, p_disposal uuid, p_sha256 text, p_reason text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_open constant unbroken.disposals := unbroken.disposal_in(v_log, p_disposal, array['proposed', 'reviewed']);
  v_seq  bigint;
begin
  perform unbroken.check_reason(p_reason);
  perform unbroken.require_list(v_open, p_sha256);
  v_seq := unbroken.append_own(v_log, 'log.disposal_reviewed', jsonb_build_object('disposal', p_disposal, 'sha256', p_sha256, 'reason', p_reason));
  update disposals set reviewed_by = session_user, reviewed_at = clock_timestamp(), reviewed_seq = v_seq where log = v_log and disposal = p_disposal;
  return v_seq;
end $$;

-- The second person's word.
create or replace function unbroken.approve_disposal(p_log text, p_disposal uuid, p_sha256 text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_open constant unbroken.disposals := unbroken.disposal_in(v_log, p_disposal, array['reviewed']);
  v_seq  bigint;
begin
  if session_user in (v_open.reviewed_by, v_open.proposed_by) then
    raise exception 'a second person approves, with a login of their own' using errcode = 'UB008';
  end if;
  perform unbroken.require_list(v_open, p_sha256);
  if exists (select from disposal_decisions d where d.log = v_log and d.disposal = p_disposal and d.seq > v_open.reviewed_seq) then
    raise exception 'something was decided since this was reviewed: have it reviewed again' using errcode = 'UB009';
  end if;
  v_seq := unbroken.append_own(v_log, 'log.disposal_approved', jsonb_build_object('disposal', p_disposal, 'sha256', p_sha256));
  update disposals set approved_by = session_user, approved_at = clock_timestamp(), approved_seq = v_seq where log = v_log and disposal = p_disposal;
  return v_seq;
end $$;

-- Ends one that has not begun.
create or replace function unbroken.withdraw_disposal(p_log text, p_disposal uuid, p_reason text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  perform unbroken.check_reason(p_reason);
  perform unbroken.disposal_in(v_log, p_disposal, array['proposed', 'reviewed', 'approved', 'expired']);
  return unbroken.put_withdrawn(v_log, p_disposal, p_reason);
end $$;

create or replace function unbroken.put_withdrawn(p_log integer, p_disposal uuid, p_reason text) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_seq bigint;
begin
  v_seq := unbroken.append_own(p_log, 'log.disposal_withdrawn', jsonb_build_object('disposal', p_disposal, 'reason', p_reason));
  update disposals set withdrawn_by = session_user, withdrawn_at = clock_timestamp(), withdrawn_seq = v_seq where log = p_log and disposal = p_disposal;
  return v_seq;
end $$;

-- ---- Destruction ----

-- Announces it. From here on it goes lot by lot to its end, and what is to stay is held.
create or replace function unbroken.begin_disposal(p_log text, p_disposal uuid) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_open unbroken.disposals;
  v_seq  bigint;
begin
  perform unbroken.lock_holds(v_log);
  perform unbroken.require_recovered(unbroken.newest_of(v_log));
  v_open := unbroken.disposal_in(v_log, p_disposal, array['approved', 'begun', 'emptied', 'gone', 'done']);
  if v_open.begun_seq is not null then
    return v_open.begun_seq;
  end if;
  v_seq := unbroken.append_own(v_log, 'log.disposing', jsonb_build_object('disposal', p_disposal, 'sha256', v_open.sha256));
  update disposals set begun_by = session_user, begun_at = clock_timestamp(), begun_seq = v_seq where log = v_log and disposal = p_disposal;
  return v_seq;
end $$;

-- Whether this part of an entry is on the list of a disposal that has begun, in a lot that is not through, and no reviewer took it
-- out.
create or replace function unbroken.is_being_disposed_of(p_log integer, p_seq bigint, p_part text) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return exists (
    select from disposals d
     cross join unnest(array['both', p_part]) as t (part)
     cross join lateral (select l.seqs from disposal_lots l
                          where l.log = d.log and l.disposal = d.disposal and l.part = t.part and l.done_seq is null and l.last >= p_seq
                          order by l.last limit 1) as l
     where d.log = p_log and d.done_seq is null and d.withdrawn_seq is null and d.begun_seq is not null and l.seqs @> p_seq
       and not exists (
         select from disposal_decisions c
          where c.log = d.log and c.disposal = d.disposal
            and (c.seqs @> p_seq or c.classes is not null
                 and exists (select from entries e where e.log = p_log and e.seq = p_seq and e.class = any (c.classes)))));
end $$;

-- Of these keys those that open nothing any more: their holder has no sealed original in any incarnation of the log.
create or replace function unbroken.spent_keys(p_log integer, p_keys text[]) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp set enable_seqscan = off set jit = off as $$
declare
  v_logs  constant int[] := unbroken.incarnations_of(p_log);
  v_key   record;
  v_spent text[] := '{}';
begin
  for v_key in
    select k.key_id, k.holder_kind, k.holder, unbroken.people_in(v_logs, jsonb_build_array(k.holder)) as ids
      from subject_keys k
     where k.log = p_log and k.key_id = any (p_keys) and k.destroyed_seq is null and k.holder is not null
     order by k.key_id
  loop
    if v_key.holder_kind = 'session' then
      continue when exists (select from entries e join originals o on o.log = e.log and o.seq = e.seq
                             where e.log = any (v_logs) and e.session_id = v_key.holder);
    else
      continue when exists (select from entries e join originals o on o.log = e.log and o.seq = e.seq
                             where e.log = any (v_logs) and e.subjects && v_key.ids)
                 or exists (select from entries e join originals o on o.log = e.log and o.seq = e.seq
                             where e.log = any (v_logs) and e.actor_id = any (v_key.ids) and e.subjects is null);
    end if;
    v_spent := v_spent || v_key.key_id;
  end loop;
  return v_spent;
end $$;

-- Of these keys, which open nothing any more, those that may go: nobody has asked for them for a month, in which what was sealed
-- before has arrived, and no hold keeps them.
create or replace function unbroken.idle_keys(p_log integer, p_spent text[]) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_held constant text[] := case when p_spent = '{}' then '{}' else unbroken.held_keys(p_log, p_spent) end;
begin
  return array(
    select k.key_id from subject_keys k
     where k.log = p_log and k.key_id = any (p_spent) and k.key_id <> all (v_held) and k.asked_at < clock_timestamp() - interval '30 days'
     order by k.key_id);
end $$;

-- The next keys that had to stay when the last of what they open went, and that nobody has asked for since.
create or replace function unbroken.keys_to_look_at_again(p_log integer) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return array(
    select k.key_id from subject_keys k
     where k.log = p_log and k.spent_at is not null and k.destroyed_seq is null and k.asked_at < clock_timestamp() - interval '30 days'
     order by k.spent_at limit 200);
end $$;

-- Notes of these keys which open nothing any more. Under the lock of the people, as whoever asks for a key passes over rows that
-- somebody else changes.
create or replace function unbroken.note_spent(p_log integer, p_keys text[], p_spent text[]) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  update subject_keys k set spent_at = case when k.key_id = any (p_spent) then clock_timestamp() end
   where k.log = p_log and k.key_id = any (p_keys) and k.destroyed_seq is null and (k.key_id = any (p_spent) or k.spent_at is not null);
end $$;

-- Waits a moment for what this transaction has written to reach the disk with what others write, so that whoever appends does not
-- wait for it, once it has the log's lock. Not where nobody else writes.
create or replace function unbroken.await_flush() returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_written constant pg_lsn := pg_current_wal_insert_lsn();
  v_flushed pg_lsn := pg_current_wal_flush_lsn();
begin
  for i in 1..10 loop
    exit when v_flushed >= v_written;
    perform pg_sleep(0.002);
    exit when pg_current_wal_flush_lsn() = v_flushed;
    v_flushed := pg_current_wal_flush_lsn();
  end loop;
end $$;

-- The next lots of it, up to so many entries and at least one, all of the same part.
create or replace function unbroken.next_lots(p_log integer, p_disposal uuid, p_limit integer, out part text, out lots integer[], out seqs bigint[])
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  part := (select l.part from disposal_lots l where l.log = p_log and l.disposal = p_disposal and l.done_seq is null order by l.part, l.last limit 1);
  with upcoming as (
    select l.nth, l.seqs, sum(l.entries) over (order by l.last) as entries
      from (select l.nth, l.seqs, l.entries, l.last from disposal_lots l
             where l.log = p_log and l.disposal = p_disposal and l.part = next_lots.part and l.done_seq is null order by l.last limit 10) as l
  ), taken as (
    select u.nth, u.seqs from upcoming u where u.entries <= greatest(coalesce(p_limit, 1000), 1000)
  )
  select array_agg(distinct t.nth order by t.nth), array_agg(n.seq order by n.seq)
    into lots, seqs
    from taken t, unnest(t.seqs) as r (r), generate_series(lower(r.r), upper(r.r) - 1) as n (seq);
end $$;

-- Destroys what the next lots hold, with the entries that say so, in one transaction. Left is what a hold covers by now, what is not
-- due any more, what a reviewer took out, what went some other way. Where no number comes back all lots are through.
create or replace function unbroken.dispose_batch(p_log text, p_disposal uuid, p_limit integer)
returns table (seq bigint, payloads bigint, originals bigint, keys bigint, kept bigint)
language plpgsql security definer set search_path = unbroken, pg_temp set jit = off as $$
#variable_conflict use_column
declare
  v_log       constant int := unbroken.log_for_reader(p_log);
  v_open      unbroken.disposals;
  v_part      text;
  v_lots      int[];
  v_seqs      bigint[];
  v_decided   bigint[];
  v_approved  text[];
  v_goes      bigint[];
  v_sealed    bigint[];
  v_payloads  bigint[];
  v_originals bigint[];
  v_seen      text[];
  v_again     text[];
  v_spent     text[] := '{}';
  v_keys      text[] := '{}';
begin
  perform unbroken.lock_holds(v_log);
  perform unbroken.require_recovered(unbroken.newest_of(v_log));
  v_open := unbroken.disposal_in(v_log, p_disposal, array['begun', 'emptied', 'gone', 'done']);
  payloads := 0; originals := 0; keys := 0; kept := 0;
  if v_open.emptied_at is not null then
    return next;
    return;
  end if;
  select n.part, n.lots, n.seqs into v_part, v_lots, v_seqs from unbroken.next_lots(v_log, p_disposal, p_limit) n;
  if v_lots is null then
    perform unbroken.note_emptied(v_log, p_disposal);
    return next;
    return;
  end if;
  v_decided := unbroken.decided_among(v_log, p_disposal, v_seqs);
  v_approved := unbroken.standing_policies(v_log);
  select coalesce(array_agg(c.seq order by c.seq) filter (where c.part <> 'originals' and v_part <> 'originals'), '{}'),
         coalesce(array_agg(c.seq order by c.seq) filter (where c.part <> 'payloads' and v_part <> 'payloads'), '{}')
    into v_goes, v_sealed
    from unbroken.disposable_among(v_log, v_seqs) c
   where (c.policies <@ v_approved or not v_open.standing)
     and not exists (select from unnest(v_decided) as d (seq) where d.seq = c.seq);
  with gone as (delete from payloads p where p.log = v_log and p.seq = any (v_goes) returning p.seq)
  select coalesce(array_agg(g.seq order by g.seq), '{}') into v_payloads from gone g;
  with gone as (delete from originals o where o.log = v_log and o.seq = any (v_sealed) returning o.seq, unbroken.keys_of_original(o.ciphertext) as keys)
  select coalesce(array_agg(distinct g.seq order by g.seq), '{}'), coalesce(array_agg(distinct k.key_id), '{}')
    into v_originals, v_seen from gone g left join unnest(g.keys) as k (key_id) on true;
  v_again := unbroken.keys_to_look_at_again(v_log);
  v_seen := v_seen || v_again;
  if v_seen <> '{}' then
    v_spent := unbroken.spent_keys(v_log, v_seen);
  end if;
  perform unbroken.await_flush();
  if v_spent <> '{}' or v_again <> '{}' then
    -- Somebody may have asked for one meanwhile.
    perform unbroken.lock_people(v_log, true);
    v_spent := unbroken.spent_keys(v_log, v_seen);
    v_keys := unbroken.idle_keys(v_log, v_spent);
    perform unbroken.note_spent(v_log, v_seen, v_spent);
  end if;
  seq := unbroken.put_disposed(v_log, p_disposal, v_part, v_lots, v_seqs, v_payloads, v_originals, v_keys);
  payloads := cardinality(v_payloads);
  originals := cardinality(v_originals);
  keys := cardinality(v_keys);
  kept := (select count(*) from unnest(v_seqs) as s (seq)
            where not exists (select from unnest(v_payloads || v_originals) as g (seq) where g.seq = s.seq));
  return next;
end $$;

-- The entries that tell of a batch, and what follows from them. Keys are told of 200 at a time, as each is held against the entry
-- that names it.
create or replace function unbroken.put_disposed(
  p_log integer, p_disposal uuid, p_part text, p_lots integer[], p_seqs bigint[], p_payloads bigint[], p_originals bigint[], p_keys text[]
) returns bigint
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  c_lot constant int := 200;
  v_gone  constant int8multirange := coalesce((select range_agg(int8range(u.seq, u.seq, '[]')) from unnest(p_payloads || p_originals) as u (seq)), '{}');
  v_told  jsonb[];
  v_event unbroken.event;
  v_seq   bigint;
begin
  v_told[1] := jsonb_strip_nulls(jsonb_build_object(
    'disposal', p_disposal, 'part', nullif(p_part, 'both'), 'payloads', unbroken.ranges_of(p_payloads), 'originals', unbroken.ranges_of(p_originals),
    'kept', unbroken.ranges_of(array(select s.seq from unnest(p_seqs) as s (seq) where not v_gone @> s.seq)),
    'keys', case when p_keys <> '{}' then to_jsonb(p_keys[1:c_lot]) end));
  for i in 2..(cardinality(p_keys) + c_lot - 1) / c_lot loop
    v_told[i] := jsonb_build_object('disposal', p_disposal, 'keys', p_keys[(i - 1) * c_lot + 1:i * c_lot]);
  end loop;
  v_event.event_type := 'log.disposed';
  v_seq := unbroken.append_told(p_log, array_fill(v_event, array[cardinality(v_told)]), v_told);
  update disposal_lots l
     set done_seq = v_seq,
         payloads = (select count(*) from unnest(p_payloads) as u (seq) where u.seq between l.first and l.last),
         originals = (select count(*) from unnest(p_originals) as u (seq) where u.seq between l.first and l.last),
         keys = case when l.nth = p_lots[1] then cardinality(p_keys) else 0 end,
         kept = (select count(*) from unnest(p_seqs) as u (seq) where u.seq between l.first and l.last and not v_gone @> u.seq)
   where l.log = p_log and l.disposal = p_disposal and l.part = p_part and l.nth = any (p_lots);
  if p_keys <> '{}' then
    update subject_keys k set destroyed_seq = v_seq + (u.nth - 1) / c_lot
      from unnest(p_keys) with ordinality as u (key_id, nth) where k.log = p_log and k.key_id = u.key_id;
    delete from wrapped_keys w where w.log = p_log and w.key_id = any (p_keys);
  end if;
  return v_seq;
end $$;

-- Ends it, once nothing of it is left, with the hash of its certificate.
create or replace function unbroken.finish_disposal(p_log text, p_disposal uuid, p_certificate text) returns bigint
language plpgsql security definer set search_path = unbroken, pg_temp as $$
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_open constant unbroken.disposals := unbroken.disposal_in(v_log, p_disposal, array['gone', 'done']);
  v_seq  bigint;
begin
  if p_certificate is null or p_certificate !~ '^[0-9a-f]{64}$' then
    raise exception 'a disposal ends with the SHA-256, in hex, of its certificate' using errcode = 'UB009';
  end if;
  if v_open.done_seq is not null then
    return v_open.done_seq;
  end if;
  v_seq := unbroken.append_own(v_log, 'log.disposed', jsonb_build_object(
    'disposal', p_disposal, 'complete', true, 'certificate', p_certificate, 'payloads', v_open.payloads, 'originals', v_open.originals,
    'keys', v_open.keys, 'kept', v_open.kept));
  update disposals set certificate_sha256 = p_certificate, done_at = clock_timestamp(), done_seq = v_seq where log = v_log and disposal = p_disposal;
  return v_seq;
end $$;

-- ---- What there is to see ----

-- The approvals in advance that it was proposed under, as its entry says.
create or replace function unbroken.approvals_of_disposal(p_disposal unbroken.disposals) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return case when (p_disposal).standing and (p_disposal).proposed_seq is not null then array(
    select jsonb_array_elements_text(p.details::jsonb -> 'approvals')
      from unnest(unbroken.incarnations_of((p_disposal).log)) as i (log)
      join entries e on e.log = i.log and e.seq = (p_disposal).proposed_seq and e.event_type = 'log.disposal_proposed'
      join payloads p on p.log = e.log and p.seq = e.seq
     where p.details::jsonb ->> 'disposal' = (p_disposal).disposal::text)
    else '{}' end;
end $$;

-- All disposals of a log, newest first. One that is neither proposed nor withdrawn is being looked for candidates.
create or replace function unbroken.disposals(p_log text) returns table (
  disposal uuid, state text, standing boolean, policies_version integer, upto bigint, reached bigint, entries bigint, sha256 text,
  started_by text, started_at timestamptz, proposed_by text, proposed_at timestamptz, proposed_seq bigint, expires_at timestamptz,
  reviewed_by text, reviewed_at timestamptz, reviewed_seq bigint, approved_by text, approved_at timestamptz, approved_seq bigint,
  withdrawn_by text, withdrawn_at timestamptz, withdrawn_seq bigint, begun_by text, begun_at timestamptz, begun_seq bigint,
  through bigint, payloads bigint, originals bigint, keys bigint, kept bigint, emptied_at timestamptz, gone_at timestamptz,
  certificate_sha256 text, done_at timestamptz, done_seq bigint, decisions bigint, approvals text[])
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select d.disposal, unbroken.state_of(d), d.standing, d.policies_version, d.upto, d.reached, d.entries, d.sha256, d.started_by, d.started_at,
         d.proposed_by, d.proposed_at, d.proposed_seq, d.expires_at, d.reviewed_by, d.reviewed_at, d.reviewed_seq,
         d.approved_by, d.approved_at, d.approved_seq, d.withdrawn_by, d.withdrawn_at, d.withdrawn_seq, d.begun_by, d.begun_at, d.begun_seq,
         case when d.emptied_at is not null then d.entries else l.entries end,
         case when d.emptied_at is not null then d.payloads else l.payloads end, case when d.emptied_at is not null then d.originals else l.originals end,
         case when d.emptied_at is not null then d.keys else l.keys end, case when d.emptied_at is not null then d.kept else l.kept end,
         d.emptied_at, d.gone_at, d.certificate_sha256, d.done_at, d.done_seq,
         (select count(*) from disposal_decisions c where c.log = d.log and c.disposal = d.disposal), unbroken.approvals_of_disposal(d)
    from disposals d
    left join lateral (
      select coalesce(sum(l.entries), 0)::bigint as entries, coalesce(sum(l.payloads), 0)::bigint as payloads, coalesce(sum(l.originals), 0)::bigint as originals,
             coalesce(sum(l.keys), 0)::bigint as keys, coalesce(sum(l.kept), 0)::bigint as kept
        from disposal_lots l
       where l.log = d.log and l.disposal = d.disposal and l.done_seq is not null and d.begun_seq is not null and d.emptied_at is null) as l on true
   where d.log = v_log order by d.started_at desc, d.disposal;
end $$;

-- What there is in one of each class and part, the most first.
create or replace function unbroken.disposal_groups(p_log text, p_disposal uuid) returns table (
  class integer, event_type text, domains text[], scope text[], policies text[], entries bigint, first bigint, last bigint,
  oldest timestamptz, newest timestamptz, part text)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select g.class, c.event_type, c.domains, c.scope, g.policies, g.entries, g.first, g.last, g.oldest, g.newest, g.part
    from disposal_groups g join retention_classes c on c.log = g.log and c.class = g.class
   where g.log = v_log and g.disposal = p_disposal order by g.entries desc, g.class, g.part;
end $$;

-- What reviewers decided about one; the reasons not for whoever carries it out, as they may tell of a hold.
create or replace function unbroken.disposal_decisions(p_log text, p_disposal uuid) returns table (
  nth integer, decision text, classes integer[], numbers text, until timestamptz, domains text[], reason text, decided_by text,
  decided_at timestamptz, seq bigint)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select d.nth, d.decision, d.classes, unbroken.ranges_in(d.seqs), d.until, d.domains,
         case when unbroken.only_duty() is distinct from 'retention' then d.reason end, d.decided_by, d.decided_at, d.seq
    from disposal_decisions d where d.log = v_log and d.disposal = p_disposal order by d.nth;
end $$;

-- The policies under which it goes, as the set that was in force has them, with how many of its candidates fall under each.
create or replace function unbroken.disposal_policies(p_log text, p_disposal uuid) returns table (policy jsonb, entries bigint, sha256 text)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select p.policy, sum(g.entries)::bigint, s.sha256
    from disposals d
    join disposal_groups g on g.log = d.log and g.disposal = d.disposal
   cross join lateral (select s.text, s.sha256 from policy_sets s
                        where s.log = any (unbroken.incarnations_of(v_log)) and s.version = d.policies_version and s.outcome = 'confirmed'
                        order by s.log desc limit 1) as s
   cross join lateral jsonb_array_elements(s.text::jsonb -> 'policies') as p (policy)
   where d.log = v_log and d.disposal = p_disposal and p.policy ->> 'id' = any (g.policies)
   group by p.policy, s.sha256 order by p.policy ->> 'id';
end $$;

-- The log's own entries that say what became of one, after a number: announced, what went and what was left, the end.
create or replace function unbroken.disposed_entries(p_log text, p_disposal uuid, p_after bigint, p_limit integer)
returns table (seq bigint, recorded_at timestamptz, event text, details text, details_salt bytea, hash bytea)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log  constant int := unbroken.log_for_reader(p_log);
  v_logs constant int[] := unbroken.incarnations_of(v_log);
begin
  return query
  select e.seq, e.recorded_at, e.event, p.details, p.details_salt, e.hash
    from (select d.begun_seq as seq from disposals d where d.log = v_log and d.disposal = p_disposal
          union select d.done_seq from disposals d where d.log = v_log and d.disposal = p_disposal
          union select l.done_seq from disposal_lots l where l.log = v_log and l.disposal = p_disposal
          union select k.destroyed_seq from subject_keys k
                 where k.log = v_log and k.destroyed_seq > (select d.begun_seq from disposals d where d.log = v_log and d.disposal = p_disposal)) as s
    join entries e on e.log = any (v_logs) and e.seq = s.seq
    join payloads p on p.log = e.log and p.seq = e.seq
   where s.seq > coalesce(p_after, 0) and e.event_type in ('log.disposing', 'log.disposed') and p.details::jsonb ->> 'disposal' = p_disposal::text
   order by e.seq limit least(greatest(coalesce(p_limit, 1000), 1), 10000);
end $$;
