-- The statements that the package sends, each under its name.

-- name: append
-- The server gives up waiting for the log's lock before the client does: a refusal, and no doubt. For this transaction, as
-- the next one may be in another session; and set before append begins, as append needs it.
select a.* from (select set_config('lock_timeout', %s, true)) as patience (ms),
       lateral unbroken.append(%s || left(patience.ms, 0), %b::text[], %b::text[], %b::bytea[], %b::text[], %b::bytea[], %b::text[], %b::bytea[]) a

-- name: fixed_names
-- Whoever owns the database decides where a login looks names up first, and could put other functions in the way.
set search_path = pg_catalog, pg_temp

-- name: receipts
select * from unbroken.receipts(%s, %b::uuid[], %b::bytea[])

-- name: describe_log
-- With the process that answers: behind a pooler it is another one than the process that was connected to.
select log, writer, migration, oldest, pg_catalog.pg_backend_pid() from unbroken.describe_log(%s)

-- name: create_log
select unbroken.create_log(%s)

-- name: adopt_grants
select unbroken.adopt_grants()

-- name: grant_access
select state, request::text, seq from unbroken.grant_access(%s, %s, %s, %s)

-- name: confirm_access
select unbroken.confirm_access(%s, %s::uuid)

-- name: withdraw_access
select unbroken.withdraw_access(%s, %s::uuid)

-- name: revoke_access
select unbroken.revoke_access(%s, %s, %s, %s)

-- name: open_ticket
select ticket::text, seq, duty, expires_at, refused from unbroken.open_ticket(%s, %s, %s, %s::jsonb, make_interval(secs => %s))

-- name: close_ticket
select unbroken.close_ticket(%s, %s::uuid, %s, %s, %s)

-- name: applied_migrations
select number, name, checksum from unbroken.migrations order by number

-- name: record_migration
insert into unbroken.migrations (number, name, checksum) values (%s, %s, %s)

-- name: migration_lock
select pg_advisory_xact_lock(hashtext('unbroken migration'))

-- name: schema_present
select to_regclass('unbroken.migrations') is not null

-- name: schema_fingerprint
select obj_description(to_regnamespace('unbroken'), 'pg_namespace')

-- name: ddl_guard_stands
select count(*) = 2 from pg_event_trigger
 where evtname in ('unbroken_refuse_ddl', 'unbroken_refuse_drop') and evtenabled = 'A'

-- name: is_superuser
select rolsuper from pg_roles where rolname = current_user

-- name: role_exists
select exists (select from pg_roles where rolname = %s)

-- name: database_exists
select exists (select from pg_database where datname = %s)

-- name: newest_migration
select max(number) from unbroken.migrations

-- name: logs
select origin || '~' || incarnation from unbroken.logs order by origin collate "C", incarnation

-- name: find_log
-- By full name, or by origin, which stands for its newest incarnation.
select log, origin || '~' || incarnation
  from unbroken.logs where origin || '~' || incarnation = %(name)s or origin = %(name)s
 order by incarnation desc limit 1

-- name: head
select seq, hash from unbroken.entries where log = %s order by seq desc limit 1

-- name: page
-- In order of seq; after the payload the search columns.
select e.seq, e.session_seq, timestamptz_send(e.recorded_at), e.writer, e.principal, e.prev_hash, e.hash, textsend(e.event),
       textsend(p.inputs), p.inputs_salt, textsend(p.outputs), p.outputs_salt, textsend(p.details), p.details_salt,
       e.actor_id, e.agent_id, e.event_type, e.id::text, e.outcome, e.resource_id, e.resource_type, e.session_id, e.side_effect, e.tool
  from unbroken.entries e
  left join unbroken.payloads p on p.log = e.log and p.seq = e.seq
 where e.log = %(log)s and e.seq > %(after)s and e.seq <= %(upto)s
 order by e.seq
 limit %(limit)s

-- name: entries_at
-- The entries of these numbers, in order of seq.
select e.seq, e.session_seq, timestamptz_send(e.recorded_at), e.writer, e.principal, e.prev_hash, e.hash, textsend(e.event),
       textsend(p.inputs), p.inputs_salt, textsend(p.outputs), p.outputs_salt, textsend(p.details), p.details_salt,
       e.actor_id, e.agent_id, e.event_type, e.id::text, e.outcome, e.resource_id, e.resource_type, e.session_id, e.side_effect, e.tool
  from unbroken.entries e
  left join unbroken.payloads p on p.log = e.log and p.seq = e.seq
 where e.log = %(log)s and e.seq = any (%(seqs)s)
 order by e.seq

-- name: session_page
select e.seq, e.session_seq, timestamptz_send(e.recorded_at), e.writer, e.principal, e.prev_hash, e.hash, textsend(e.event),
       textsend(p.inputs), p.inputs_salt, textsend(p.outputs), p.outputs_salt, textsend(p.details), p.details_salt,
       e.actor_id, e.agent_id, e.event_type, e.id::text, e.outcome, e.resource_id, e.resource_type, e.session_id, e.side_effect, e.tool
  from unbroken.entries e
  left join unbroken.payloads p on p.log = e.log and p.seq = e.seq
 where e.log = %(log)s and e.session_id = %(session)s and e.seq > %(after)s and e.seq <= %(upto)s
 order by e.seq
 limit %(limit)s

-- name: look_up_singly
-- Entries by their index, each one's payload by its own: a steady stream in order, also without statistics. Left to
-- itself the planner sorts or hashes all payloads for every page of a large log.
set enable_seqscan = off; set enable_bitmapscan = off; set enable_sort = off; set enable_hashjoin = off;
set enable_mergejoin = off; set enable_material = off; set jit = off; set max_parallel_workers_per_gather = 0

-- name: look_up_as_planned
reset enable_seqscan; reset enable_bitmapscan; reset enable_sort; reset enable_hashjoin;
reset enable_mergejoin; reset enable_material; reset jit; reset max_parallel_workers_per_gather

-- name: sessions_page
-- In order of session_id.
select session_id, entries, first_seq, last_seq
  from unbroken.sessions where log = %(log)s and (%(after)s::text is null or session_id > %(after)s)
 order by session_id limit %(limit)s

-- name: sessions_beginning
select session_id
  from unbroken.sessions where log = %(log)s and session_id >= %(prefix)s and starts_with(session_id, %(prefix)s)
 order by session_id limit %(limit)s

-- name: stray_ids
-- Ids that stand for no entry (a tail that was cut off, or an id planted to keep an event out), and entries without one.
select coalesce(i.seq, e.seq), e.seq is not null
  from (select id, seq from unbroken.event_ids where log = %(log)s) i
  full join (select id, seq from unbroken.entries where log = %(log)s) e on e.seq = i.seq and e.id = i.id
 where i.seq is null or e.seq is null
 order by 1 limit %(limit)s

-- name: stray_payloads
select p.seq
  from unbroken.payloads p left join unbroken.entries e on e.log = p.log and e.seq = p.seq
 where p.log = %(log)s and e.seq is null order by p.seq limit %(limit)s

-- name: relation_kinds
-- What the names that a verifier reads really are; a view or a rule in their place could show it other rows than others.
-- A policy other than the release's could as well.
select c.relname, c.relkind::text,
       exists (select from pg_rewrite r where r.ev_class = c.oid)
       or exists (select from pg_policy p
                   where p.polrelid = c.oid and (0 = any (p.polroles) or 'unbroken_verifier'::regrole = any (p.polroles))
                     and (not p.polpermissive or p.polcmd <> 'r'
                          or pg_get_expr(p.polqual, p.polrelid) <> '(unbroken.asks_with_grant() AND (log = ANY (( SELECT unbroken.granted_logs() AS granted_logs)::integer[])))'))
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = 'unbroken' and c.relname = any (%s)

-- name: recent_sessions
select s.session_id, s.entries, s.first_seq, s.last_seq, coalesce(f.recorded_at, l.recorded_at),
       coalesce(l.recorded_at, f.recorded_at), coalesce(f.actor_id, l.actor_id), coalesce(f.agent_id, l.agent_id),
       (select count(*) from unbroken.entries x where x.log = s.log and x.session_id = s.session_id and x.event_type = 'error')
  from unbroken.sessions s
  left join unbroken.entries f on f.log = s.log and f.seq = s.first_seq
  left join unbroken.entries l on l.log = s.log and l.seq = s.last_seq
 where s.log = %(log)s and s.last_seq < %(before)s and (f.seq is not null or l.seq is not null)
 order by s.last_seq desc
 limit %(limit)s

-- name: recent_sessions_without_actors
-- For operations, who may not see who asked.
select s.session_id, s.entries, s.first_seq, s.last_seq, coalesce(f.recorded_at, l.recorded_at),
       coalesce(l.recorded_at, f.recorded_at), null::text, coalesce(f.agent_id, l.agent_id),
       (select count(*) from unbroken.entries x where x.log = s.log and x.session_id = s.session_id and x.event_type = 'error')
  from unbroken.sessions s
  left join unbroken.entries f on f.log = s.log and f.seq = s.first_seq
  left join unbroken.entries l on l.log = s.log and l.seq = s.last_seq
 where s.log = %(log)s and s.last_seq < %(before)s and (f.seq is not null or l.seq is not null)
 order by s.last_seq desc
 limit %(limit)s

-- name: log_size
select entries, payloads, indexes, wal, partitions from unbroken.log_size(%s)

-- name: log_writers
select g.login, g.granted_at,
       exists (select from pg_roles r where r.rolname = g.login)
  from unbroken.grants g where g.log = %(log)s and g.duty in ('writer', 'server') and g.revoked_at is null order by g.login

-- name: stated_head
select seq, hash, recorded_at, now from unbroken.log_head(%s)

-- name: append_early
select a.* from (select set_config('lock_timeout', %s, true)) as patience (ms),
       lateral unbroken.append_early(%s || left(patience.ms, 0), %b::text[], %b::text[], %b::bytea[], %b::text[], %b::bytea[], %b::text[], %b::bytea[]) a

-- name: barrier
select unbroken.barrier(%s, %s::bigint, %s::bytea)

-- name: stop_recorder
select unbroken.stop_recorder(%s, %s::uuid, %s)

-- name: declare_gap
select unbroken.declare_gap(%s, %s::uuid, %s, %s, %s, %s, %s, %s, %s::uuid[], %s::uuid)

-- name: approvals_of
select request::text, state, tool, call_id, arguments_hash, session_id, turn_id, requested_by, agent_id, valid_until, outcome, by, at, self_attested
  from unbroken.approvals_of(%s, %s::uuid, %s, %s)

-- name: end_lock_holder
select pid, login from unbroken.end_lock_holder(%s, make_interval(secs => %s))

-- name: approval_requests
-- Newest first; states as unbroken.state_of has them. Of one request where it is given, else of all, or of those only
-- that can still be decided.
select r.* from (
  select a.request::text, case when a.used_seq is not null then 'used'
                               when a.outcome = 'denied' then 'denied'
                               when clock_timestamp() > coalesce(a.approved_until, a.requested_until) then 'expired'
                               else coalesce(a.outcome, 'pending') end as state,
         a.tool, a.call_id, q.session_id, a.actor_id, a.agent_id, a.requested_seq, q.recorded_at,
         coalesce(a.approved_until, a.requested_until), d.actor_id, d.recorded_at,
         a.self_attested
    from unbroken.approvals a
    join unbroken.entries q on q.log = a.log and q.seq = a.requested_seq
    left join unbroken.entries d on d.log = a.log and d.seq = a.decided_seq
   where a.log = %(log)s and (%(request)s::uuid is null or a.request = %(request)s::uuid)
     and (%(all)s or a.decided_seq is null)
) r
 where %(all)s or r.state = 'pending'
 order by r.requested_seq desc
 limit %(limit)s
