-- What every investigation begins with, for a person in psql and for our own programs alike. Nothing here runs with more
-- rights than its caller has: the policies decide which rows there are. Written so that the planner puts each into the
-- query that calls it (no SET clause, names bound when it is made), with the caller's values at hand.
--
-- Pages: p_limit is 1 to 1000 rows, whatever is asked for, 1000 where nothing is; a page that is full may have a next one,
-- which begins after the number, or minute, of its last row. Times are from (included) to (not included), null: no bound.
-- Where the server compiles plans just in time, "set jit = off" comes before large pages: compiling takes seconds.

-- The log of this name, full or an origin, which stands for its newest incarnation. An error and not "nothing found", for a
-- log that is not there as for one that this login may not read.
create or replace function unbroken.investigated_log(p_log text) returns integer
language plpgsql stable set search_path = unbroken, pg_temp as $$
declare
  v_log integer;
begin
  select l.log into v_log from logs l
   where l.origin = p_log or l.origin || '~' || l.incarnation = p_log
   order by l.incarnation desc limit 1;
  if not found then
    raise exception 'no such log, or this login may not read it' using errcode = 'UB003';
  end if;
  return v_log;
end $$;

-- Where a page begins, in order of time and number: what comes after the entry p_after, and not before p_from. Time and
-- number agree but where the clock was set back; a number that is not there stands for the last one before it.
create or replace function unbroken.place_after(p_log integer, p_from timestamptz, p_after bigint)
returns table (recorded_at timestamptz, seq bigint)
language sql stable
begin atomic
  select case when before.recorded_at >= given.since then before.recorded_at else given.since end,
         case when before.recorded_at >= given.since then p_after else 0 end
    from (select coalesce(p_from, '-infinity') as since) as given
    left join (select e.recorded_at from unbroken.entries e where e.log = p_log and e.seq <= p_after order by e.seq desc limit 1) as before on true;
end;

-- What an event says beyond its columns, of approvals. Nothing where its text was changed to what is no JSON: the search goes
-- on, and whoever verifies what it found comes upon it.
create or replace function unbroken.said_in(
  p_event text, out call_id text, out parent_id text, out request text, out arguments_hash text
) language plpgsql immutable set search_path = unbroken, pg_temp as $$
declare
  v_event json;
begin
  v_event := p_event::json;
  call_id := v_event ->> 'call_id';
  parent_id := v_event ->> 'parent_id';
  request := v_event #>> '{decision,request}';
  arguments_hash := v_event #>> '{decision,arguments_hash}';
exception when data_exception or program_limit_exceeded then
  null;
end $$;

-- What agent X did for user Y, in order of time (and number).
create or replace function unbroken.agent_actions(
  p_log text, p_agent text, p_actor text, p_from timestamptz, p_to timestamptz, p_after bigint, p_limit integer
) returns table (seq bigint, recorded_at timestamptz, event_type text, session_id text, tool text, side_effect boolean, outcome text,
                 resource_type text, resource_id text)
language sql stable
begin atomic
  select e.seq, e.recorded_at, e.event_type, e.session_id, e.tool, e.side_effect, e.outcome, e.resource_type, e.resource_id
    from unbroken.entries e
   where e.log = (select unbroken.investigated_log(p_log))
     and e.actor_id = p_actor and e.agent_id = p_agent
     and (e.recorded_at, e.seq) > (select p.recorded_at, p.seq from unbroken.place_after(unbroken.investigated_log(p_log), p_from, p_after) p)
     and e.recorded_at < coalesce(p_to, 'infinity')
   order by e.recorded_at, e.seq
   limit least(greatest(coalesce(p_limit, 1000), 1), 1000);
end;

-- Calls with side effects that nobody else had approved, in order of time (and number), and why they count as such:
--
--   no_decision      none about this call that still held: decided_seq is null, or names an approval that had been used for
--                    another call or had run out
--   denied           and made all the same
--   other_arguments  what was decided was the same call with other arguments
--   after_the_fact   decided only when the call was recorded already
--   by_caller        decided by the call's own actor or agent
--   self_attested    approved, but asked and decided through one login
--   not_claimed      an approval was there, which the call did not use
--
-- A decision is about a call when it names its tool and its id, in the same session; of several the newest before the call
-- counts, then the first after it, then those about other arguments. Arguments are the same where the keyed hashes are, or,
-- where the call states none, the recorded arguments. asked_seq is the entry of the request.
--
-- A call that claims approval is believed only where the table of approvals knows of its use and the decision is an entry
-- before it, of another actor: the door checked that, unless there was none. Under a ticket for one session, decisions of
-- other sessions are not seen.
create or replace function unbroken.unapproved_calls(p_log text, p_from timestamptz, p_to timestamptz, p_after bigint, p_limit integer)
returns table (seq bigint, recorded_at timestamptz, tool text, call_id text, session_id text, actor_id text, agent_id text, reason text,
               decided_seq bigint, asked_seq bigint)
language sql stable
begin atomic
  select c.seq, c.recorded_at, c.tool, said.call_id, c.session_id, c.actor_id, c.agent_id,
         case
           when known.decided_seq is null then 'no_decision'
           when not known.same_arguments then 'other_arguments'
           when known.decided_seq >= c.seq then 'after_the_fact'
           when known.outcome = 'denied' then 'denied'
           when known.by in (c.actor_id, c.agent_id) then 'by_caller'
           when known.used_seq = c.seq and known.self_attested then 'self_attested'
           when known.used_seq = c.seq or known.used_seq < c.seq or known.approved_until < c.recorded_at then 'no_decision'
           else 'not_claimed'
         end,
         known.decided_seq, known.requested_seq
    from (
      select e.log, e.seq, e.recorded_at, e.tool, e.session_id, e.actor_id, e.agent_id, e.event
        from unbroken.entries e
       where e.log = (select unbroken.investigated_log(p_log))
         and e.event_type = 'tool_call' and e.side_effect
         and (e.recorded_at, e.seq) > (select p.recorded_at, p.seq from unbroken.place_after(unbroken.investigated_log(p_log), p_from, p_after) p)
         and e.recorded_at < coalesce(p_to, 'infinity')
         and (e.outcome is distinct from 'approved' or not exists (
               select from unbroken.approvals a
                 join unbroken.entries d on d.log = a.log and d.seq = a.decided_seq
                where a.log = e.log and a.used_seq = e.seq and a.tool = e.tool and a.self_attested is false and a.decided_seq < e.seq
                  and d.event_type = 'approval_decided' and d.outcome = 'approved'
                  and d.actor_id <> e.actor_id and d.actor_id is distinct from e.agent_id))
       order by e.recorded_at, e.seq
       limit least(greatest(coalesce(p_limit, 1000), 1), 1000)
    ) as c
   cross join lateral unbroken.said_in(c.event) as said
    left join lateral (
      select a.requested_seq, a.decided_seq, a.outcome, a.used_seq, a.approved_until, a.self_attested, d.actor_id as by, hold.same_arguments
        from unbroken.approvals a
        join unbroken.entries q on q.log = a.log and q.seq = a.requested_seq
        left join unbroken.entries d on d.log = a.log and d.seq = a.decided_seq and d.event_type = 'approval_decided'
       cross join lateral (
          select case when said.arguments_hash is not null then said.arguments_hash = a.arguments_hash
                      else (select count(distinct p.inputs) < 2 from unbroken.payloads p
                             where p.log = a.log and p.seq in (a.requested_seq, c.seq)) end as same_arguments
        ) as hold
       where a.log = c.log and a.call_id = said.call_id and a.tool = c.tool and a.decided_seq is not null
         and (q.session_id is not distinct from c.session_id or a.used_seq = c.seq)
       order by a.used_seq is not distinct from c.seq desc, hold.same_arguments desc, a.decided_seq < c.seq desc,
                abs(a.decided_seq - c.seq)
       limit 1
    ) as known on true
   order by c.recorded_at, c.seq;
end;

-- Minutes (of UTC) with at least p_least errors, the newest first; where p_before is given, those that were over by then. Of
-- a minute that the range cuts, what lies within counts.
--
-- Errors are counted as they come, newest first, so that the search ends with the page: the last error of each minute has
-- the place that it takes among all, and the difference to that of the minute before is the minute's count.
create or replace function unbroken.error_bursts(
  p_log text, p_from timestamptz, p_to timestamptz, p_least integer, p_before timestamptz, p_limit integer
) returns table (minute timestamptz, errors bigint, agents bigint, sessions bigint, first_seq bigint, last_seq bigint)
language sql stable
begin atomic
  select burst.minute, burst.errors, about.agents, about.sessions, about.first_seq, about.last_seq
    from (
      -- With the bounds of each minute: worked out further on, a policy would keep them away from the index.
      select counted.minute, counted.errors, greatest(counted.minute, p_from) as since,
             least(counted.minute + interval '1 minute', p_to) as upto
        from (
          select ended.minute, ended.recorded_at, ended.place - lag(ended.place, 1, 0::bigint) over (order by ended.recorded_at desc) as errors
            from (
              select date_bin('1 minute', e.recorded_at, '2000-01-01 00:00Z') as minute, e.recorded_at,
                     row_number() over newest_first as place,
                     lead(date_bin('1 minute', e.recorded_at, '2000-01-01 00:00Z')) over newest_first as next_minute
                from unbroken.entries e
               where e.log = (select unbroken.investigated_log(p_log))
                 and e.event_type = 'error'
                 and e.recorded_at >= coalesce(p_from, '-infinity')
                 and e.recorded_at < least(p_to, date_bin('1 minute', p_before, '2000-01-01 00:00Z'), 'infinity')
              window newest_first as (order by e.recorded_at desc)
            ) as ended
           where ended.next_minute is distinct from ended.minute
        ) as counted
       where counted.errors >= coalesce(p_least, 1)
       order by counted.recorded_at desc
       limit least(greatest(coalesce(p_limit, 1000), 1), 1000)
    ) as burst
   cross join lateral (
      select count(distinct e.agent_id) as agents, count(distinct e.session_id) as sessions, min(e.seq) as first_seq, max(e.seq) as last_seq
        from unbroken.entries e
       where e.log = (select unbroken.investigated_log(p_log))
         and e.event_type = 'error'
         and e.recorded_at >= burst.since and e.recorded_at < burst.upto
    ) as about
   order by burst.minute desc;
end;

-- The entries that name resource R, in order of number. role is what the entry is to it: asked, approved or denied for a
-- request, by what became of it; approved or denied for a decision that names the resource itself; touched for everything
-- else. Who approved is told of requests, of decisions, of calls that used an approval, and of what such a call led to.
create or replace function unbroken.resource_access(p_log text, p_type text, p_resource text, p_after bigint, p_limit integer)
returns table (seq bigint, recorded_at timestamptz, event_type text, role text, actor_id text, agent_id text, tool text, session_id text,
               approved_by text, decided_seq bigint, asked_seq bigint)
language sql stable
begin atomic
  select e.seq, e.recorded_at, e.event_type,
         case when e.event_type = 'approval_requested' then coalesce(known.outcome, 'asked')
              when e.event_type = 'approval_decided' and e.outcome in ('approved', 'denied') then e.outcome
              else 'touched' end,
         e.actor_id, e.agent_id, e.tool, e.session_id,
         case when e.event_type = 'approval_decided' then case e.outcome when 'approved' then e.actor_id end
              when known.outcome = 'approved' then d.actor_id end,
         case when e.event_type = 'approval_decided' then e.seq else known.decided_seq end,
         known.requested_seq
    from (
      select t.log, t.seq, t.recorded_at, t.event_type, t.actor_id, t.agent_id, t.tool, t.session_id, t.outcome, t.event
        from unbroken.entries t
       where t.log = (select unbroken.investigated_log(p_log))
         and t.resource_id = p_resource and t.seq > coalesce(p_after, 0)
         and (p_type is null or t.resource_type = p_type)
       order by t.seq
       limit least(greatest(coalesce(p_limit, 1000), 1), 1000)
    ) as e
   cross join lateral unbroken.said_in(e.event) as said
    left join lateral (
      select a.requested_seq, a.decided_seq, a.outcome
        from unbroken.approvals a
        left join unbroken.entries c on c.log = a.log and c.seq = a.used_seq
       where a.log = e.log and a.call_id = said.call_id and a.tool = e.tool
         and case e.event_type
               when 'approval_requested' then a.requested_seq = e.seq
               when 'approval_decided' then a.request::text = said.request
               when 'tool_call' then a.used_seq = e.seq
               else a.used_seq < e.seq and c.session_id is not distinct from e.session_id
                    and c.id::text = coalesce(said.parent_id, c.id::text)
             end
       order by a.used_seq desc
       limit 1
    ) as known on true
    left join unbroken.entries d on d.log = e.log and d.seq = known.decided_seq and d.event_type = 'approval_decided'
   order by e.seq;
end;

-- Entries in which something of these kinds was found, any of card, health, personal and secret, in order of time (and number).
create or replace function unbroken.entries_containing(
  p_log text, p_flags text[], p_from timestamptz, p_to timestamptz, p_after bigint, p_limit integer
) returns table (seq bigint, recorded_at timestamptz, event_type text, session_id text, agent_id text, tool text, contains text[])
language sql stable
begin atomic
  select e.seq, e.recorded_at, e.event_type, e.session_id, e.agent_id, e.tool, e.contains
    from unbroken.entries e
   where e.log = (select unbroken.investigated_log(p_log))
     and e.contains && p_flags
     -- The same once more for one flag, as its index has it.
     and (p_flags <> '{health}' or 'health' = any (e.contains))
     and (p_flags <> '{card}' or 'card' = any (e.contains))
     and (e.recorded_at, e.seq) > (select p.recorded_at, p.seq from unbroken.place_after(unbroken.investigated_log(p_log), p_from, p_after) p)
     and e.recorded_at < coalesce(p_to, 'infinity')
   order by e.recorded_at, e.seq
   limit least(greatest(coalesce(p_limit, 1000), 1), 1000);
end;
