-- What has to be kept and what has to go: classes that entries get when they are recorded, and from them, the policies in force
-- and what was told since, when each may be destroyed; and which of them a legal hold covers.

-- Held to the end of a transaction by whoever issues or changes a hold and by whoever destroys anything, of all incarnations of a
-- log: so neither overtakes the other. Always taken before any other lock; appends never take it.
create or replace function unbroken.lock_holds(p_log integer) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  -- A snapshot that is older than the lock would miss a hold.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'holds and destruction run in READ COMMITTED' using errcode = 'UB004';
  end if;
  -- The first incarnation's, which stays the first whenever the log is continued.
  perform from retention_locks r where r.log = (unbroken.incarnations_of(p_log))[1] and r.what = 'holds' for update;
  if not found then
    raise exception 'this log has nothing to lock holds by' using errcode = 'P0002';
  end if;
end $$;

-- What a new log needs for all this.
create or replace function unbroken.prepare_retention(p_log integer) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
begin
  insert into retention_locks values (p_log, 'classes'), (p_log, 'holds') on conflict do nothing;
end $$;

-- What of an event's scope its class is made of: not until when something asked for is valid, which is another one each time.
create or replace function unbroken.class_scope(p_type text, p_scope text[]) returns text[]
language plpgsql immutable parallel safe set search_path = unbroken, pg_temp as $$
begin
  if p_type in ('approval_requested', 'approval_decided') then
    return array(select i.item from unnest(p_scope) with ordinality as i (item, nth) where not starts_with(i.item, 'valid_until=') order by i.nth);
  end if;
  return coalesce(p_scope, '{}');
end $$;

-- The text that stands for a class: short enough to be looked up by.
create or replace function unbroken.long_class_key(p_type text, p_domains text[], p_scope text[]) returns text
language plpgsql stable parallel safe set search_path = unbroken, pg_temp as $$
declare
  v_scope constant text[] := unbroken.class_scope(p_type, p_scope);
  v_key   constant text := p_type || ' ' || coalesce(p_domains::text, '{}') || ' ' || v_scope::text;
begin
  return case
    when coalesce(p_domains, '{}') = '{}' and v_scope = '{}' then p_type
    when octet_length(v_key) > 1800 then 'sha256:' || unbroken.sha256_of(v_key)
    else v_key
  end;
end $$;

-- The same, with what is common inlined into append's query.
create or replace function unbroken.class_key(p_type text, p_domains text[], p_scope text[]) returns text
language sql stable parallel safe as $$
  select case
    when p_domains is null and p_scope is null then p_type
    when octet_length(coalesce(p_domains::text, '{}') || coalesce(p_scope::text, '{}')) > 1500 or starts_with(p_type, 'approval_')
      then unbroken.long_class_key(p_type, p_domains, p_scope)
    else p_type || ' ' || coalesce(p_domains::text, '{}') || ' ' || coalesce(p_scope::text, '{}')
  end
$$;

-- The classes of events that have been checked, of which some may be new. Before the log's own lock.
create or replace function unbroken.classes_of(p_log integer, p_events text[]) returns integer[]
language plpgsql volatile set search_path = unbroken, pg_temp as $$
begin
  perform unbroken.add_classes(p_log, p_events);
  return array(
    select coalesce(c.class, o.class)
      from unnest(p_events) with ordinality as u (event, nth)
     cross join lateral json_populate_record(null::unbroken.event, u.event::json) as j
      left join retention_classes c on c.log = p_log and c.key = unbroken.class_key(j.event_type, j.domains, j.scope)
      left join retention_classes o on o.log = p_log and o.key = unbroken.class_of_unknown_scope(j.event_type, j.domains)
     order by u.nth);
end $$;

-- The key of the class whose scope is not known.
create or replace function unbroken.class_of_unknown_scope(p_type text, p_domains text[]) returns text
language sql stable parallel safe as $$
  select unbroken.class_key(p_type || ' *', p_domains, null)
$$;

-- Adds the classes of these events. A log has room for a million; what comes then, such as a scope made up for every event, is
-- classed as of unknown scope: its periods can't be told, so that it is kept.
create or replace function unbroken.add_classes(p_log integer, p_events text[]) returns void
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  c_room constant int := 1000000;
  v_last int;
begin
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'append runs in READ COMMITTED' using errcode = 'UB004';
  end if;
  perform from retention_locks r where r.log = p_log and r.what = 'classes' for update;
  if not found then
    raise exception 'this log has nothing to lock its classes by' using errcode = 'P0002';
  end if;
  v_last := coalesce((select max(c.class) from retention_classes c where c.log = p_log), 0);
  insert into retention_classes (log, class, key, event_type, domains, scope)
  select p_log, v_last + row_number() over (order by n.key), n.key, n.event_type, n.domains, n.scope
    from (select distinct on (k.key) k.key, j.event_type, coalesce(j.domains, '{}') as domains,
                 case when v_last < c_room then unbroken.class_scope(j.event_type, j.scope) end as scope
            from unnest(p_events) as u (event)
           cross join lateral json_populate_record(null::unbroken.event, u.event::json) as j
           cross join lateral (select (case when v_last < c_room then unbroken.class_key(j.event_type, j.domains, j.scope)
                                            else unbroken.class_of_unknown_scope(j.event_type, j.domains) end) collate "C" as key) as k
           order by k.key) as n
   where not exists (select from retention_classes c where c.log = p_log and c.key = n.key);
end $$;

-- Of a period such as '6y 60d' the months, of which a year has twelve, and the days; null of none.
create or replace function unbroken.months_in(p_period text) returns integer
language sql immutable parallel safe as $$
  select case when p_period is not null then
    12 * coalesce(substring(p_period from '([0-9]+)y')::int, 0) + coalesce(substring(p_period from '([0-9]+)m')::int, 0) end
$$;
create or replace function unbroken.days_in(p_period text) returns integer
language sql immutable parallel safe as $$
  select case when p_period is not null then coalesce(substring(p_period from '([0-9]+)d')::int, 0) end
$$;

-- The set of policies that counts: of those that were confirmed in any incarnation the newest. A row of nulls where there is none.
create or replace function unbroken.policies_in_force(p_log integer) returns unbroken.policy_sets
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_set unbroken.policy_sets;
begin
  select s.* into v_set from policy_sets s where s.log = any (unbroken.incarnations_of(p_log)) and s.outcome = 'confirmed'
   order by s.log desc, s.version desc limit 1;
  return v_set;
end $$;

-- Its policies; none where no set was confirmed.
create or replace function unbroken.rules_in_force(p_log integer)
returns table (id text, is_law boolean, floor_months integer, floor_days integer, ceiling_months integer, ceiling_days integer,
               start text, start_key text, zone text, domains text[], event_types text[], everything boolean, is_default boolean, parts text[])
language sql stable set search_path = unbroken, pg_temp as $$
  with newest as materialized (
    select (unbroken.policies_in_force(p_log)).text::jsonb as policies
  )
  select p.id, p.basis = 'law', unbroken.months_in(p.floor), unbroken.days_in(p.floor), unbroken.months_in(p.ceiling), unbroken.days_in(p.ceiling),
         coalesce(p.start, 'record'), p.start_key, coalesce(p.zone, 'UTC'), coalesce(p.domains, '{}'), coalesce(p.event_types, '{}'),
         coalesce(p.everything, false), p.id = n.policies ->> 'default', coalesce(p.parts, '{originals,payloads}')
    from newest n
   cross join lateral jsonb_to_recordset(n.policies -> 'policies') as p (
     id text, basis text, floor text, ceiling text, start text, start_key text, zone text, domains text[], event_types text[], everything boolean, parts text[])
$$;

-- The first moment after what began at p_start no longer has to be kept: the same date so many months on, or where that month has
-- no such day the first of the next one, and then so many days; counted in the days of a place, of which the last one ends.
create or replace function unbroken.kept_until(p_start timestamptz, p_months integer, p_days integer, p_zone text) returns timestamptz
language sql stable parallel safe as $$
  select ((d.on_that + (extract(day from d.on_that) < extract(day from d.start))::int + p_days + 1)::timestamp at time zone p_zone)
    from (select s.start, (s.start + make_interval(months => p_months))::date as on_that
            from (select (p_start at time zone p_zone)::date as start) as s) as d
$$;

-- The first moment after it has to be gone: where the month has no such day, after its last one.
create or replace function unbroken.allowed_until(p_start timestamptz, p_months integer, p_days integer, p_zone text) returns timestamptz
language sql stable parallel safe as $$
  select (((((p_start at time zone p_zone)::date + make_interval(months => p_months))::date) + p_days + 1)::timestamp at time zone p_zone)
$$;

-- When what a scope names as these began, by the newest that was told in any incarnation: the latest where there are several, and
-- nothing as long as there is one, or none at all, of which nothing was told.
create or replace function unbroken.start_of(p_logs integer[], p_kind text, p_key text, p_scope text[]) returns timestamptz
language sql stable set search_path = unbroken, pg_temp as $$
  select case when count(*) = count(t.at) then max(t.at) end
    from unnest(p_scope) as i (item)
    left join lateral (select s.at from start_events s where s.log = any (p_logs) and s.kind = p_kind and s.item = i.item
                        order by s.log desc limit 1) as t on true
   where starts_with(i.item, p_key || '=')
$$;

-- Of these entries, which policies they fall under, which of those wait for the event that they start with, until when they have
-- to be kept, at all and by law, and by when they have to be gone. Once for both parts of it, or where a policy speaks of one
-- alone, for each, whether or not there is any. No row: no policy speaks of it, as of the log's own.
create or replace function unbroken.due_among(p_log integer, p_seqs bigint[])
returns table (seq bigint, part text, policies text[], waits text[], keep_until timestamptz, law_until timestamptz, erase_by timestamptz)
language sql stable set search_path = unbroken, pg_temp set jit = off as $$
  with rules as materialized (
    select * from unbroken.rules_in_force(p_log)
  ), logs_of as materialized (
    select unbroken.incarnations_of(p_log) as logs
  ), decisions as materialized (
    select d.decision, d.classes, d.seqs, d.until, d.domains, d.seq, p.upto
      from disposal_decisions d join disposals p on p.log = d.log and p.disposal = d.disposal
     where d.log = p_log and (d.decision = 'extend' or p.approved_seq is not null)
  ), picked as materialized (
    select e.seq, e.recorded_at, c.event_type, c.scope,
           coalesce((select d.domains from decisions d where d.decision = 'relabel' and e.seq <= d.upto and (e.class = any (d.classes) or d.seqs @> e.seq)
                      order by d.seq desc limit 1), c.domains) as domains,
           (select max(d.until) from decisions d where d.decision = 'extend' and e.seq <= d.upto and (e.class = any (d.classes) or d.seqs @> e.seq)) as extended
      from unnest(p_seqs) as s (seq)
      join entries e on e.log = p_log and e.seq = s.seq
      join retention_classes c on c.log = p_log and c.class = e.class
  ), kinds as materialized (
    select distinct p.event_type, p.domains, p.scope from picked p
  ), meant as materialized (
    select k.event_type, k.domains, k.scope, r.id, r.is_law, r.floor_months, r.floor_days, r.ceiling_months, r.ceiling_days, r.start, r.zone,
           r.is_default, r.parts, bool_or(cardinality(r.parts) = 1) over (partition by k.event_type, k.domains, k.scope) as is_split,
           case when r.start <> 'record' then unbroken.start_of((select logs from logs_of), r.start, r.start_key, k.scope) end as started_at
      from kinds k
      join rules r on r.is_default or r.everything or k.domains && r.domains
                   or r.event_types && array[k.event_type, split_part(k.event_type, '.', 1) || '.*']
  ), fitting as materialized (
    select m.*, t.part, bool_or(not m.is_default) over (partition by m.event_type, m.domains, m.scope, t.part) as is_named
      from meant m cross join lateral unnest(case when m.is_split then m.parts else array['both'] end) as t (part)
  ), ends as (
    select p.seq, f.part, p.extended, f.id, f.is_law,
           f.floor_months is not null and f.start <> 'record' and f.started_at is null as waits,
           case when f.floor_months is not null then
             unbroken.kept_until(case f.start when 'record' then p.recorded_at else f.started_at end, f.floor_months, f.floor_days, f.zone) end as kept,
           case when (f.ceiling_months, f.ceiling_days) is not distinct from (f.floor_months, f.floor_days) then
             -- One period is one date, also where the day is missing: a policy does not contradict itself.
             unbroken.kept_until(case f.start when 'record' then p.recorded_at else f.started_at end, f.ceiling_months, f.ceiling_days, f.zone)
           when f.ceiling_months is not null then
             unbroken.allowed_until(case f.start when 'record' then p.recorded_at else f.started_at end, f.ceiling_months, f.ceiling_days, f.zone) end as gone
      from picked p
      join fitting f on f.event_type = p.event_type and f.domains = p.domains and f.scope is not distinct from p.scope
                    and (not f.is_default or not f.is_named)
  )
  select n.seq, n.part, array_agg(n.id order by n.id), coalesce(array_agg(n.id order by n.id) filter (where n.waits), '{}'),
         -- An extension makes nothing due sooner.
         case when max(n.extended) is null or max(n.kept) is null and min(n.gone) is null then max(n.kept)
              else greatest(max(n.extended), coalesce(max(n.kept), min(n.gone) - interval '720 hours')) end,
         case when bool_or(n.waits and n.is_law) then 'infinity' else max(n.kept) filter (where n.is_law) end, min(n.gone)
    from ends n group by n.seq, n.part
$$;

-- Whether this part of an entry is there; for 'both', whatever there is.
create or replace function unbroken.has_part(p_log integer, p_seq bigint, p_part text) returns boolean
language sql stable parallel safe as $$
  select case p_part when 'payloads' then exists (select from unbroken.payloads p where p.log = p_log and p.seq = p_seq)
                     when 'originals' then exists (select from unbroken.originals o where o.log = p_log and o.seq = p_seq)
                     else true end
$$;

-- Whether it may be destroyed: what has to be kept no longer; and what no policy asks to keep, from a month before it has to go.
create or replace function unbroken.is_due(p_waits text[], p_keep_until timestamptz, p_erase_by timestamptz, p_at timestamptz) returns boolean
language sql immutable parallel safe as $$
  select p_waits = '{}' and coalesce(coalesce(p_keep_until, p_erase_by - interval '720 hours') <= p_at, false)
$$;

create or replace function unbroken.texts_in(p_list jsonb) returns text[]
language sql immutable parallel safe as $$
  select case when p_list is not null then array(select jsonb_array_elements_text(p_list) collate "C") end
$$;

-- The texts of a list that an event has; none where it has no such list.
create or replace function unbroken.listed_in(p_event text, p_key text) returns text[]
language sql immutable parallel safe as $$
  select array(select json_array_elements_text(p_event::json -> p_key) collate "C")
$$;

-- Everybody by all pseudonyms that their name has in any of these logs.
create or replace function unbroken.people_in(p_logs integer[], p_ids jsonb) returns text[]
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return case when p_ids is not null then unbroken.people_among(p_logs, unbroken.texts_in(p_ids)) end;
end $$;

-- Whether anything may be held: quick, as whatever is destroyed asks it.
create or replace function unbroken.any_hold(p_log integer) returns boolean
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  return exists (select from hold_scopes s where s.ends_at is null or s.ends_at > clock_timestamp())
     and exists (select from hold_scopes s where (s.ends_at is null or s.ends_at > clock_timestamp()) and s.log = any (unbroken.incarnations_of(p_log)));
end $$;

-- What legal holds cover at this moment, in all incarnations of a log: of each key that is given one of its values, all of them.
create or replace function unbroken.scopes_in_force(p_log integer)
returns table (hold uuid, version integer, sessions text[], actors text[], subjects text[], agents text[], resource_types text[],
               resource_ids text[], event_types text[], tools text[], domains text[], scope text[], from_at timestamptz, to_at timestamptz)
language plpgsql stable set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_logs constant int[] := unbroken.incarnations_of(p_log);
begin
  return query
  select s.hold, s.version, unbroken.texts_in(s.scope -> 'sessions'), unbroken.people_in(v_logs, s.scope -> 'actors'),
         unbroken.people_in(v_logs, s.scope -> 'subjects'), unbroken.texts_in(s.scope -> 'agents'), unbroken.texts_in(s.scope -> 'resource_types'),
         unbroken.people_in(v_logs, s.scope -> 'resource_ids'), unbroken.texts_in(s.scope -> 'event_types'), unbroken.texts_in(s.scope -> 'tools'),
         unbroken.texts_in(s.scope -> 'domains'), unbroken.texts_in(s.scope -> 'scope'),
         (s.scope ->> 'from')::timestamptz, (s.scope ->> 'to')::timestamptz
    from hold_scopes s where s.log = any (v_logs) and (s.ends_at is null or s.ends_at > clock_timestamp());
end $$;

-- Those of these entries that a hold covers, or this one, in order.
create or replace function unbroken.held_among(p_log integer, p_seqs bigint[], p_hold uuid default null) returns bigint[]
language plpgsql stable set search_path = unbroken, pg_temp set jit = off as $$
begin
  if not unbroken.any_hold(p_log) then
    return '{}';
  end if;
  return array(
    with scopes as materialized (select * from unbroken.scopes_in_force(p_log))
    select e.seq
      from unnest(p_seqs) as s (seq)
      join entries e on e.log = p_log and e.seq = s.seq
      left join retention_classes c on c.log = p_log and c.class = e.class
     where exists (
       select from scopes h
        where (p_hold is null or h.hold = p_hold)
          and (h.sessions is null or e.session_id = any (h.sessions))
          and (h.actors is null or e.actor_id = any (h.actors))
          and (h.subjects is null or e.subjects && h.subjects)
          and (h.agents is null or e.agent_id = any (h.agents))
          and (h.resource_types is null or e.resource_type = any (h.resource_types))
          and (h.resource_ids is null or e.resource_id = any (h.resource_ids))
          and (h.event_types is null or e.event_type = any (h.event_types))
          and (h.tools is null or e.tool = any (h.tools))
          -- An entry that is older than classes has none, and of some the scope is not in it.
          and (h.domains is null or coalesce(c.domains, unbroken.listed_in(e.event, 'domains')) && h.domains)
          and (h.scope is null or coalesce(c.scope, unbroken.listed_in(e.event, 'scope')) && h.scope)
          and (h.from_at is null or e.recorded_at >= h.from_at)
          and (h.to_at is null or e.recorded_at < h.to_at))
     order by e.seq);
end $$;
