-- The statements that the package sends, each under its name.

-- name: append
-- The server gives up waiting for the log's lock before the client does: a refusal, and no doubt. For this transaction, as
-- the next one may be in another session; and set before append begins, as append needs it.
select a.* from (select set_config('lock_timeout', %s, true)) as patience (ms),
       lateral unbroken.append(%s || left(patience.ms, 0), %b::text[], %b::text[], %b::bytea[], %b::text[], %b::bytea[], %b::text[], %b::bytea[]) a

-- name: append_with_originals
select a.* from (select set_config('lock_timeout', %s, true)) as patience (ms),
       lateral unbroken.append(%s || left(patience.ms, 0), %b::text[], %b::text[], %b::bytea[], %b::text[], %b::bytea[], %b::text[], %b::bytea[],
                               p_originals => %b::bytea[]) a

-- name: fixed_names
-- Whoever owns the database decides where a login looks names up first, and could put other functions in the way.
set search_path = pg_catalog, pg_temp

-- name: receipts
select * from unbroken.receipts(%s, %b::uuid[], %b::bytea[])

-- name: covered
select log, size from unbroken.covered(%s)

-- name: earlier_receipts
select id, log, state, writer, recorder, recorder_seq, seq, session_seq, recorded_at, prev_hash, hash
  from unbroken.earlier_receipts(%s, %b::uuid[], %b::bytea[])

-- name: concern_erased
select unbroken.concern_erased(%s, %b::text[], %b::timestamptz[])

-- name: describe_log
-- With the process that answers: behind a pooler it is another one than the process that was connected to.
select log, writer, migration, oldest, pg_catalog.pg_backend_pid() from unbroken.describe_log(%s)

-- name: create_log
select unbroken.create_log(%s)

-- name: adopt_grants
select unbroken.adopt_grants()

-- name: grant_access
select state, request::text, seq from unbroken.grant_access(%s, %s, %s, %s)

-- name: duties_held
-- In the newest incarnation, as for whoever grants. For a superuser, whom row security does not concern.
select g.login, g.duty from unbroken.grants g
 where g.log = (select l.log from unbroken.logs l where l.origin = %s order by l.incarnation desc limit 1)
   and g.revoked_at is null

-- name: logs_never_granted_to
-- Nor in an earlier incarnation, nor ended since.
select distinct l.origin from unbroken.logs l
 where not exists (select from unbroken.grants g join unbroken.logs o on o.log = g.log
                    where o.origin = l.origin and g.login = %s and g.duty = %s)
 order by l.origin

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

-- name: schema_fingerprint
select obj_description(to_regnamespace('unbroken'), 'pg_namespace')

-- name: ddl_guard_stands
select count(*) = 2 from pg_event_trigger
 where evtname in ('unbroken_refuse_ddl', 'unbroken_refuse_drop') and evtenabled = 'A'

-- name: is_superuser
select rolsuper from pg_roles where rolname = current_user

-- name: role_exists
select exists (select from pg_roles where rolname = %s)

-- name: login_settings
-- Those that hold in every database.
select unnest(s.setconfig) from pg_db_role_setting s join pg_roles r on r.oid = s.setrole
 where r.rolname = %s and s.setdatabase = 0

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
-- In order of seq; after the payload the search columns. Each payload by its number, also while the planner believes that there
-- are hardly any, as behind a vacuum of what was disposed of: it would go through all of them for every entry.
select e.seq, e.session_seq, timestamptz_send(e.recorded_at), e.writer, e.principal, e.prev_hash, e.hash, textsend(e.event),
       textsend(p.inputs), p.inputs_salt, textsend(p.outputs), p.outputs_salt, textsend(p.details), p.details_salt,
       case when strpos(e.event, '"original":"') > 0 then exists (select from unbroken.originals o where o.log = e.log and o.seq = e.seq) else false end,
       e.actor_id, e.agent_id, array_to_string(e.contains, ','), e.event_type, e.id::text, e.outcome, e.resource_id, e.resource_type, e.session_id, e.side_effect, to_json(e.subjects)::text, e.tool, e.class
  from unbroken.entries e
  left join lateral (select * from unbroken.payloads x where x.log = e.log and x.seq = e.seq offset 0) as p on true
 where e.log = %(log)s and e.seq > %(after)s and e.seq <= %(upto)s
 order by e.seq
 limit %(limit)s

-- name: entries_at
-- The entries of these numbers, in order of seq.
select e.seq, e.session_seq, timestamptz_send(e.recorded_at), e.writer, e.principal, e.prev_hash, e.hash, textsend(e.event),
       textsend(p.inputs), p.inputs_salt, textsend(p.outputs), p.outputs_salt, textsend(p.details), p.details_salt,
       case when strpos(e.event, '"original":"') > 0 then exists (select from unbroken.originals o where o.log = e.log and o.seq = e.seq) else false end,
       e.actor_id, e.agent_id, array_to_string(e.contains, ','), e.event_type, e.id::text, e.outcome, e.resource_id, e.resource_type, e.session_id, e.side_effect, to_json(e.subjects)::text, e.tool, e.class
  from unbroken.entries e
  left join lateral (select * from unbroken.payloads x where x.log = e.log and x.seq = e.seq offset 0) as p on true
 where e.log = %(log)s and e.seq = any (%(seqs)s)
 order by e.seq

-- name: session_page
select e.seq, e.session_seq, timestamptz_send(e.recorded_at), e.writer, e.principal, e.prev_hash, e.hash, textsend(e.event),
       textsend(p.inputs), p.inputs_salt, textsend(p.outputs), p.outputs_salt, textsend(p.details), p.details_salt,
       case when strpos(e.event, '"original":"') > 0 then exists (select from unbroken.originals o where o.log = e.log and o.seq = e.seq) else false end,
       e.actor_id, e.agent_id, array_to_string(e.contains, ','), e.event_type, e.id::text, e.outcome, e.resource_id, e.resource_type, e.session_id, e.side_effect, to_json(e.subjects)::text, e.tool, e.class
  from unbroken.entries e
  left join lateral (select * from unbroken.payloads x where x.log = e.log and x.seq = e.seq offset 0) as p on true
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

-- name: stray_originals
-- Originals of no entry, and of one that commits to none.
select o.seq, e.seq is not null
  from unbroken.originals o left join unbroken.entries e on e.log = o.log and e.seq = o.seq
 where o.log = %(log)s and (e.seq is null or strpos(e.event, '"original":"') = 0) order by o.seq limit %(limit)s

-- name: incarnations
-- All of one log, in order.
select n.log, n.origin || '~' || n.incarnation
  from unbroken.logs l join unbroken.logs n on n.origin = l.origin where l.log = %s order by n.incarnation

-- name: told_of_earlier
-- Entries of one incarnation that tell of an earlier one. Of these kinds alone, which the index has.
select e.seq
  from unbroken.entries e join unbroken.payloads p on p.log = e.log and p.seq = e.seq
 where e.log = %(log)s and strpos(p.details, %(about)s) > 0
   and e.event_type in ('access_granted', 'access_revoked', 'log.access_requested', 'log.access_withdrawn', 'log.disposal_approved',
                        'log.disposal_decided', 'log.disposal_proposed', 'log.disposal_reviewed', 'log.disposal_withdrawn', 'log.disposed',
                        'log.disposing', 'log.erased', 'log.erasure_confirmed', 'log.erasure_reapplied', 'log.erasure_requested',
                        'log.erasure_withdrawn', 'log.hold_change_asked', 'log.hold_change_withdrawn', 'log.hold_changed', 'log.hold_issued',
                        'log.hold_reviewed', 'log.names_asked', 'log.original_asked', 'log.original_opened', 'log.policies_confirmed',
                        'log.policies_proposed', 'log.policies_withdrawn', 'log.read', 'log.read_completed', 'log.read_denied', 'log.restored',
                        'log.standing_asked', 'log.standing_confirmed', 'log.standing_ended', 'log.start_told', 'log.vault_refilled',
                        'log.vault_rewrapped', 'log.vault_rewrapping')
 order by e.seq

-- name: erasing_entries
select seq from unbroken.entries where log = %(log)s and event_type in ('log.erased', 'log.disposed') order by seq

-- name: holding_entries
select seq from unbroken.entries
 where log = %(log)s and event_type in ('log.hold_issued', 'log.hold_change_asked', 'log.hold_changed') order by seq

-- name: key_absences
select key_id, seq from unbroken.key_absences(%s)

-- name: known_pseudonyms
select unnest(unbroken.known_pseudonyms(%s, %s))

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

-- name: sessions_of
-- Those in which one of these people acts.
select s.session_id, s.entries, s.first_seq, s.last_seq, coalesce(f.recorded_at, l.recorded_at),
       coalesce(l.recorded_at, f.recorded_at), coalesce(f.actor_id, l.actor_id), coalesce(f.agent_id, l.agent_id),
       (select count(*) from unbroken.entries x where x.log = s.log and x.session_id = s.session_id and x.event_type = 'error')
  from unbroken.sessions s
  left join unbroken.entries f on f.log = s.log and f.seq = s.first_seq
  left join unbroken.entries l on l.log = s.log and l.seq = s.last_seq
 where s.log = %(log)s and s.last_seq < %(before)s and (f.seq is not null or l.seq is not null)
   and s.session_id in (select x.session_id from unbroken.entries x where x.log = %(log)s and x.actor_id = any (%(people)s))
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

-- name: log_grants
select g.login, g.duty, g.granted_at,
       exists (select from pg_roles r where r.rolname = g.login)
  from unbroken.grants g where g.log = %(log)s and g.revoked_at is null order by g.duty, g.login

-- name: stated_head
select seq, hash, recorded_at, now from unbroken.log_head(%s)

-- name: append_early
select a.* from (select set_config('lock_timeout', %s, true)) as patience (ms),
       lateral unbroken.append_early(%s || left(patience.ms, 0), %b::text[], %b::text[], %b::bytea[], %b::text[], %b::bytea[], %b::text[], %b::bytea[]) a

-- name: append_early_with_originals
select a.* from (select set_config('lock_timeout', %s, true)) as patience (ms),
       lateral unbroken.append_early(%s || left(patience.ms, 0), %b::text[], %b::text[], %b::bytea[], %b::text[], %b::bytea[], %b::text[], %b::bytea[],
                                     p_originals => %b::bytea[]) a

-- name: vault_keys
select key_id, public, endorsement from unbroken.vault_keys(%s, %b::text[], %b::text[])

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
         coalesce(a.approved_until, a.requested_until), a.decided_seq, d.actor_id, d.recorded_at,
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

-- name: access_entries
-- The list of types stands here once more for the partial index over them.
select e.seq from unbroken.entries e
 where e.log = %(log)s
   and e.event_type in ('access_granted', 'access_revoked', 'log.access_requested', 'log.access_withdrawn', 'log.disposal_approved',
                        'log.disposal_decided', 'log.disposal_proposed', 'log.disposal_reviewed', 'log.disposal_withdrawn', 'log.disposed',
                        'log.disposing', 'log.erased', 'log.erasure_confirmed', 'log.erasure_reapplied', 'log.erasure_requested',
                        'log.erasure_withdrawn', 'log.hold_change_asked', 'log.hold_change_withdrawn', 'log.hold_changed', 'log.hold_issued',
                        'log.hold_reviewed', 'log.names_asked', 'log.original_asked', 'log.original_opened', 'log.policies_confirmed',
                        'log.policies_proposed', 'log.policies_withdrawn', 'log.read', 'log.read_completed', 'log.read_denied', 'log.restored',
                        'log.standing_asked', 'log.standing_confirmed', 'log.standing_ended', 'log.start_told', 'log.vault_refilled',
                        'log.vault_rewrapped', 'log.vault_rewrapping')
   and e.event_type = any (%(types)s)
   and (%(since)s::timestamptz is null or e.recorded_at >= %(since)s)
 order by e.seq

-- name: access_grants
select login, duty, granted_at, granted_seq, granted_by, confirmed_by, revoked_at, revoked_seq, revoked_by
  from unbroken.grants where log = %(log)s order by granted_seq nulls first, granted_at, login, duty

-- name: access_requests
select request::text, login, duty, reason, requested_by, requested_seq, expires_at, decided_seq, decided_by, outcome
  from unbroken.access_requests where log = %(log)s order by requested_seq

-- name: access_tickets
select ticket::text, login, opened_seq, expires_at, session_id
  from unbroken.tickets where log = %(log)s and opened_at >= %(since)s order by opened_seq

-- name: access_openings
select opening::text, kind, ticket::text, seqs, wraps_to, login, asked_seq, done_seq
  from unbroken.openings where log = %(log)s and asked_at >= %(since)s order by asked_seq

-- name: access_roles
-- Memberships of memberships count. From PostgreSQL 16 a membership may bring neither rights nor SET ROLE; who has ADMIN on
-- such a one can still give itself both. Superusers are members of everything for has_role, so the catalog is asked.
with recursive given as (
  select m.member, m.roleid, m.admin_option,
         coalesce((to_jsonb(m) ->> 'inherit_option')::boolean or (to_jsonb(m) ->> 'set_option')::boolean, true) as counts
    from pg_auth_members m
), held (member, role) as (
  select g.member, g.roleid from given g where g.counts
  union
  select h.member, g.roleid from held h join given g on g.member = h.role where g.counts
), reachable (member, role) as (
  select g.member, g.roleid from given g where g.admin_option
  union
  select h.member, g.roleid from held h join given g on g.member = h.role where g.admin_option
), ours as (
  select r.oid, substr(r.rolname::text, 10) as duty
    from pg_roles r
   where r.rolname = any (array['unbroken_owner', 'unbroken_writer', 'unbroken_server', 'unbroken_ops', 'unbroken_compliance', 'unbroken_legal',
                                'unbroken_dpo', 'unbroken_subjects', 'unbroken_retention', 'unbroken_verifier', 'unbroken_access',
                                'unbroken_notary'])
), named as (
  select r.*, array(select o.duty from held h join ours o on o.oid = h.role where h.member = r.oid order by 1) as groups,
         array(select o.duty from reachable h join ours o on o.oid = h.role where h.member = r.oid order by 1) as reachable,
         exists (select from held h join pg_roles g on g.oid = h.role
                  where h.member = r.oid and g.rolname in ('pg_read_server_files', 'pg_execute_server_program')) as files
    from pg_roles r
)
select rolname::text, rolcanlogin, rolsuper, rolbypassrls, files, groups, reachable
  from named
 where rolsuper or rolbypassrls or files or ((groups <> '{}' or reachable <> '{}') and oid not in (select oid from ours))
 order by 1

-- name: login_names
select rolname::text from pg_roles where rolcanlogin

-- name: recorders_since
select distinct login from unbroken.recorders where log = %(log)s and bound_at >= %(since)s

-- name: pseudonym
select unbroken.pseudonym(%s, %s)

-- name: sessions_with
select session_id from unbroken.entries where log = %(log)s and actor_id = %(name)s and session_id is not null
union
select session_id from unbroken.entries where log = %(log)s and resource_id = %(name)s and session_id is not null

-- name: time_now
select clock_timestamp()

-- name: login_state
select exists (select from pg_roles where rolname = %(login)s and rolcanlogin),
       exists (select from pg_roles r join pg_roles g on g.rolname = %(group)s where r.rolname = %(login)s and pg_has_role(r.oid, g.oid, 'usage'))

-- name: is_access_administrator
-- Not mere membership: from PostgreSQL 16 on, who made a group is a member of it without its rights.
select to_regrole('unbroken_access') is not null and pg_has_role(session_user, 'unbroken_access', 'usage')

-- Investigations: pages of what functions/investigations.sql finds.

-- name: never_compile
-- Compiling a plan just in time takes a second and more, a page some milliseconds.
set jit = off

-- name: agent_actions
select * from unbroken.agent_actions(%(log)s, %(agent)s, %(actor)s, %(since)s::timestamptz, %(upto)s::timestamptz, %(after)s::bigint, %(limit)s::integer)

-- name: unapproved_calls
select * from unbroken.unapproved_calls(%(log)s, %(since)s::timestamptz, %(upto)s::timestamptz, %(after)s::bigint, %(limit)s::integer)

-- name: error_bursts
select * from unbroken.error_bursts(%(log)s, %(since)s::timestamptz, %(upto)s::timestamptz, %(least)s::integer, %(before)s::timestamptz, %(limit)s::integer)

-- name: resource_access
select * from unbroken.resource_access(%(log)s, %(kind)s::text, %(resource)s, %(after)s::bigint, %(limit)s::integer)

-- name: errors_between
-- The errors behind a count, in order of time (and number).
select e.seq
  from unbroken.entries e
 where e.log = (select unbroken.investigated_log(%(log)s)) and e.event_type = 'error'
   and (e.recorded_at, e.seq) > (select p.recorded_at, p.seq from unbroken.place_after(unbroken.investigated_log(%(log)s), %(since)s::timestamptz, %(after)s::bigint) p)
   and e.recorded_at < %(upto)s::timestamptz
 order by e.recorded_at, e.seq
 limit %(limit)s::integer

-- name: entries_containing
select * from unbroken.entries_containing(%(log)s, %(flags)s::text[], %(since)s::timestamptz, %(upto)s::timestamptz, %(after)s::bigint, %(limit)s::integer)

-- Which entries an evidence bundle is about, in order of seq: numbers alone, what they say is read and verified after.

-- name: seqs_of_session
select seq from unbroken.entries
 where log = %(log)s and session_id = %(session)s and seq > %(after)s and seq <= %(upto)s order by seq limit %(limit)s

-- name: seqs_of_actors
select seq from unbroken.entries
 where log = %(log)s and actor_id = any (%(ids)s) and seq > %(after)s and seq <= %(upto)s order by seq limit %(limit)s

-- name: seqs_of_subjects
select seq from unbroken.entries
 where log = %(log)s and subjects && %(ids)s and seq > %(after)s and seq <= %(upto)s order by seq limit %(limit)s

-- name: seqs_of_time
select seq from unbroken.entries
 where log = %(log)s and recorded_at >= coalesce(%(since)s::timestamptz, '-infinity') and recorded_at < coalesce(%(until)s::timestamptz, 'infinity')
   and seq > %(after)s and seq <= %(upto)s order by seq limit %(limit)s

-- Identities and the registry.

-- name: identify
select unbroken.identify(%s, %b::bytea[], %b::text[], %b::bytea[], %s)

-- name: pseudonyms_of
select lookup, pseudonym from unbroken.pseudonyms_of(%s, %b::bytea[])

-- name: ask_names
select unbroken.ask_names(%s, %s::uuid, %b::text[])::text

-- name: names
select pseudonym, sealed from unbroken.names(%s, %s::uuid)

-- name: registry
select version, text, sha256, loaded_at, loaded_by from unbroken.registry(%s, %s::integer)

-- name: registry_version
select unbroken.registry_version(%s)

-- name: load_registry
select version, seq from unbroken.load_registry(%s, %s, %s)

-- name: note_unclassified
select unbroken.note_unclassified(%s, %b::text[], %b::text[])

-- name: unclassified
select kind, name, noted_at from unbroken.unclassified(%s)

-- The vault.

-- name: refill_vault
select unbroken.refill_vault(%s, %b::text[], %b::bytea[], %b::text[], %b::bytea[], %s)

-- name: vault_state
select wrapped_by, free, assigned, destroyed from unbroken.vault_state(%s)

-- name: ask_originals
select unbroken.ask_originals(%s, %s::uuid, %s, %b::bigint[])::text

-- name: originals
select seq, ciphertext from unbroken.originals(%s, %s::uuid)

-- name: opened_keys
select key_id, wrapped from unbroken.opened_keys(%s, %s::uuid, %b::text[])

-- name: close_opening
select unbroken.close_opening(%s, %s::uuid, %s, %s, %s)

-- name: ask_rewrapping
select unbroken.ask_rewrapping(%s, %s)::text

-- name: keys_to_rewrap
select key_id, wrapped from unbroken.keys_to_rewrap(%s, %s::uuid, %s::integer)

-- name: rewrap_keys
select unbroken.rewrap_keys(%s, %s::uuid, %b::text[], %b::bytea[], %b::bytea[])

-- name: close_rewrapping
select unbroken.close_rewrapping(%s, %s::uuid)

-- name: find_person
select ids, as_subject, as_actor, payloads, originals, keys, pseudonyms, sessions, shared, others, kept, first_at, last_at, upto_at,
       held, floored
  from unbroken.find_person(%s, %s::uuid, %s, %s)

-- name: ask_erasure
select erasure::text, seq, expires_at from unbroken.ask_erasure(%s, %s::uuid, %s, %s, %s, %s, %s)

-- name: confirm_erasure
select unbroken.confirm_erasure(%s, %s::uuid)

-- name: withdraw_erasure
select unbroken.withdraw_erasure(%s, %s::uuid)

-- name: erasures
select erasure::text, state, basis, case_name, reason, with_acted, subjects, requested_by, requested_at, requested_seq, expires_at,
       confirmed_by, confirmed_at, confirmed_seq, upto_at, begun_by, begun_at, begun_seq, order_sha256, payloads, originals, keys, done_at, done_seq, certificate_sha256,
       planned, despite_floors
  from unbroken.erasures(%s)

-- name: prepare_erasure
select ids, as_subject, as_actor, payloads, originals, keys, pseudonyms, sessions, shared, others, kept, first_at, last_at, upto_at,
       held, floored
  from unbroken.prepare_erasure(%s, %s::uuid)

-- name: begin_erasure
select unbroken.begin_erasure(%s, %s::uuid, %s, %s)

-- name: erase_batch
select seq, payloads, originals, held from unbroken.erase_batch(%s, %s::uuid, %s)

-- name: finish_erasure
select unbroken.finish_erasure(%s, %s::uuid, %s)

-- name: erased_entries
select e.seq, textsend(e.event), textsend(p.details), p.details_salt, e.hash
  from unbroken.logs l
  join unbroken.logs n on n.origin = l.origin and n.incarnation >= l.incarnation
  join unbroken.entries e on e.log = n.log
  left join unbroken.payloads p on p.log = e.log and p.seq = e.seq
 where l.log = %(log)s and e.event_type = 'log.erased' and (e.seq >= %(since)s or n.log <> l.log)
 order by n.incarnation, e.seq

-- name: own_login
select session_user::text

-- name: erasures_of_person
-- For the owner: what there is of a person now, whoever may read.
select ids, as_subject, as_actor, payloads, originals, keys, pseudonyms, sessions, shared, others, kept, first_at, last_at, upto_at,
       held, floored
  from unbroken.plan_of_person(unbroken.log_named(%s), %s, %s, clock_timestamp())

-- name: held_erasure
-- For the owner: how much of what an order names a hold keeps.
select unbroken.held_of_person(l.log, unbroken.ids_of_person(l.log, %(subjects)s), %(with_acted)s, %(upto)s, %(keys)s)
  from (select unbroken.log_named(%(log)s) as log) l

-- name: reapply_erasure
select unbroken.reapply_erasure(%s, %s::uuid, %s, %s, %s, %s, %s)

-- name: continue_log
select log, grants, names, registry from unbroken.continue_log(%s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s)

-- name: log_standing
-- For the owner: why a log is closed, whether it has a notary, and whether that has confirmed it here.
select c.closed_because, c.log is not null, c.log is null or unbroken.is_confirmed(c)
  from unbroken.logs l left join unbroken.continuity c on c.log = l.log where l.log = %(log)s

-- name: stated_keys
select statement from unbroken.key_statements where log = %s order by nth

-- name: newest_stored_note
select note from unbroken.checkpoints where log = %s order by size desc limit 1

-- name: leaves_as_owner
select count(*), string_agg(u.hash, ''::bytea order by u.seq)
  from (select e.seq, e.hash from unbroken.entries e where e.log = %(log)s and e.seq > %(after)s order by e.seq limit %(limit)s) u

-- name: held_duties
-- Of one incarnation, as they would be carried over.
select g.login, g.duty, g.granted_at, exists (select from pg_catalog.pg_roles r where r.rolname = g.login)
  from unbroken.grants g where g.log = %s and g.revoked_at is null order by g.login

-- name: open_reads
select unbroken.open_reads(%s)

-- name: is_recovered
select unbroken.is_recovered(unbroken.log_named(%s))

-- The tree above the entries, its signed heads, where those were taken, and whether the log still holds what was signed.

-- name: read_tiles
select hashes from unbroken.read_tiles(%s, %b::integer[], %b::bigint[], %b::integer[]) order by nth

-- name: leaves
select upto, hashes from unbroken.leaves(%s, %s, %s)

-- name: store_tiles
select unbroken.store_tiles(%s, %b::integer[], %b::bigint[], %b::bytea[])

-- name: notary_state
select log, head, head_hash, is_confirmed, closed_because, size, root, now from unbroken.notary_state(%s)

-- name: store_checkpoint
select unbroken.store_checkpoint(%s, %s, %s, %s, %s, %s)

-- name: confirm_continuity
select unbroken.confirm_continuity(%s, %s, %s, %s)

-- name: close_log
select unbroken.close_log(%s, %s)

-- name: store_receipt
select unbroken.store_receipt(%s, %s, %s, %s, %s, %s, %s)

-- name: store_key_statement
select unbroken.store_key_statement(%s, %s, %s, %s)

-- name: raise_alarm
select unbroken.raise_alarm(%s, %s, %s::jsonb)

-- name: record_verification
select unbroken.record_verification(%s, %s::jsonb)

-- name: record_export
select unbroken.record_export(%s, %s::uuid, %s::jsonb)

-- name: checkpoints_before
select size, root, note, signed_at, stored_at, stored_by
  from unbroken.checkpoints where log = %s and size < %s order by size desc limit %s

-- name: checkpoint_of_size
select size, root, note, signed_at, stored_at, stored_by from unbroken.checkpoints where log = %s and size = %s

-- name: checkpoint_covering
select size, root, note, signed_at, stored_at, stored_by
  from unbroken.checkpoints where log = %s and size >= %s order by size limit 1

-- name: anchorings
-- Larger trees first. What is to be of one anchor, or of trees of at least and at most so many entries, is said so.
select anchor, kind, size, root, receipt, at, stored_at, stored_by
  from unbroken.anchorings
 where log = %(log)s and size between %(least)s and %(most)s and (%(anchor)s::text is null or anchor = %(anchor)s::text)
 order by size desc, stored_at desc, digest limit %(limit)s

-- name: number_of_id
-- For the verifier, whose alone ids are to look up.
select seq from unbroken.event_ids where log = %s and id = %s::uuid

-- name: key_statements
select nth, change, key, statement, seq from unbroken.key_statements where log = %s order by nth

-- name: continuity
select started_at, system_identifier, timeline, size, root, confirmed_at, confirmed_by, closed_because, closed_at, closed_by
  from unbroken.continuity where log = %s

-- Getting deleted rows out of the files.

-- name: vacuum_tables
select c.relname, pg_total_relation_size(c.oid)
  from pg_class c
 where c.relnamespace = 'unbroken'::regnamespace
   and (c.relname in ('identities', 'wrapped_keys')
        or c.oid in (select t.relid from pg_partition_tree('unbroken.payloads') t where t.isleaf)
        or c.oid in (select t.relid from pg_partition_tree('unbroken.originals') t where t.isleaf))
 order by c.relname not in ('identities', 'wrapped_keys'), c.relname

-- name: vacuum_patience
select set_config('lock_timeout', '5s', false), set_config('statement_timeout', '0', false)

-- name: set_owner
set role unbroken_owner

-- name: forget_samples
-- Of columns that ANALYZE leaves out by now, what it took while an earlier release was here: it would stay for good.
delete from pg_catalog.pg_statistic s using pg_catalog.pg_attribute a, pg_catalog.pg_class c
 where a.attrelid = s.starelid and a.attnum = s.staattnum and a.attstattarget = 0
   and c.oid = s.starelid and c.relnamespace = 'unbroken'::regnamespace

-- name: vacuum_statistics
vacuum full pg_catalog.pg_statistic

-- name: checkpoint
checkpoint

-- name: vacuum_holders
-- What may have a snapshot from before a row was deleted: then the row stays, also in a table that is rewritten.
select 'transaction', a.usename || ', process ' || a.pid, a.xact_start
  from pg_stat_activity a where a.backend_xmin is not null and a.datname = current_database() and a.pid <> pg_backend_pid()
union all
select 'prepared transaction', p.gid, p.prepared from pg_prepared_xacts p where p.database = current_database()
union all
select 'replication slot', s.slot_name::text, null from pg_replication_slots s where s.xmin is not null or s.catalog_xmin is not null
union all
select 'standby', r.application_name, null from pg_stat_replication r where r.backend_xmin is not null

-- name: vacuum_remains
select current_setting('archive_mode') <> 'off', (select count(*) from pg_replication_slots), (select count(*) from pg_stat_replication)

-- name: vacuum_wal
select count(*), coalesce(sum(w.size), 0), min(w.modification) from pg_ls_waldir() w

-- name: policy_sets
select version, state, sha256, text, simulated, reason, proposed_by, proposed_at, proposed_seq, expires_at, decided_by, decided_at, decided_seq
  from unbroken.policy_sets(%s)

-- name: propose_policies
select version, seq, expires_at from unbroken.propose_policies(%s, %s, %s, %s)

-- name: confirm_policies
select unbroken.confirm_policies(%s, %s::integer)

-- name: withdraw_policies
select unbroken.withdraw_policies(%s, %s::integer)

-- name: tell_start
select unbroken.tell_start(%s, %s, %s, %s, %s)

-- name: start_events
select kind, item, at, evidence, told_by, told_at, seq from unbroken.start_events(%s)

-- name: ask_standing
select approval::text, seq, expires_at from unbroken.ask_standing(%s, %s, %s, %s)

-- name: confirm_standing
select unbroken.confirm_standing(%s, %s::uuid)

-- name: end_standing
select unbroken.end_standing(%s, %s::uuid, %s)

-- name: standing_approvals
select approval::text, state, policies, unchanged, reason, asked_by, asked_at, asked_seq, expires_at, valid_until, confirmed_by, confirmed_at, confirmed_seq,
       ended_by, ended_at, ended_seq
  from unbroken.standing_approvals(%s)

-- name: retention_of
select seq, recorded_at, event_type, is_own, class, class_domains, domains, scope, extended, payload, original, gone_seq, gone_type, held, matters, holds,
       version, waits, keep_until, erase_by, is_due, now, part
  from unbroken.retention_of(%s, %s)

-- name: class_counts
select upto, head, class, recorded_at, extended, domains, entries, payloads, originals, held from unbroken.class_counts(%s, %s, %s::integer)

-- name: retention_classes
select class, event_type, domains, scope from unbroken.retention_classes(%s, %s::integer[])

-- name: issue_hold
select hold::text, seq from unbroken.issue_hold(%s, %s, %s, %s::jsonb, %s, %s, %s)

-- name: hold_reach
select upto, preserved, originals, gone from unbroken.hold_reach(%s, %s::uuid, %s, %s)

-- name: note_hold_reach
select unbroken.note_hold_reach(%s, %s::uuid, %s, %s, %s, %s)

-- name: review_hold
select unbroken.review_hold(%s, %s::uuid, %s)

-- name: ask_hold_change
select request::text, seq, expires_at from unbroken.ask_hold_change(%s, %s::uuid, %s, %s::jsonb, %s)

-- name: confirm_hold_change
select unbroken.confirm_hold_change(%s, %s::uuid)

-- name: withdraw_hold_change
select unbroken.withdraw_hold_change(%s, %s::uuid)

-- name: holds
select log, hold::text, state, matter, kind, reason, version, scope, sha256, grace_days, review_days, issued_by, issued_at, issued_seq,
       reviewed_by, reviewed_at, reviewed_seq, review_due_at, is_overdue, released_at, released_seq, ends_at
  from unbroken.holds(%s)

-- name: hold_scopes
select version, scope, sha256, since, seq, ends_at, ended_seq from unbroken.hold_scopes(%s, %s::uuid)

-- name: hold_requests
select request::text, hold::text, state, kind, version, sha256, scope, reason, asked_by, asked_at, asked_seq, expires_at,
       decided_by, decided_at, decided_seq
  from unbroken.hold_requests(%s)

-- Disposals.

-- name: start_disposal
select disposal::text, upto from unbroken.start_disposal(%s, %s)

-- name: freeze_disposal
select reached, upto, entries from unbroken.freeze_disposal(%s, %s::uuid, %s)

-- name: propose_disposal
select unbroken.propose_disposal(%s, %s::uuid)

-- name: decide_disposal
select unbroken.decide_disposal(%s, %s::uuid, %s, %s::integer[], %s, %s::timestamptz, %s::text[], %s)

-- name: review_disposal
select unbroken.review_disposal(%s, %s::uuid, %s, %s)

-- name: approve_disposal
select unbroken.approve_disposal(%s, %s::uuid, %s)

-- name: withdraw_disposal
select unbroken.withdraw_disposal(%s, %s::uuid, %s)

-- name: begin_disposal
select unbroken.begin_disposal(%s, %s::uuid)

-- name: dispose_batch
select seq, payloads, originals, keys, kept from unbroken.dispose_batch(%s, %s::uuid, %s)

-- name: drop_empty
select unbroken.drop_empty(%s, %s)

-- name: note_gone
select unbroken.note_gone(%s, %s::uuid)

-- name: finish_disposal
select unbroken.finish_disposal(%s, %s::uuid, %s)

-- name: disposals
select disposal::text, state, standing, policies_version, upto, reached, entries, sha256, started_by, started_at,
       proposed_by, proposed_at, proposed_seq, expires_at, reviewed_by, reviewed_at, reviewed_seq, approved_by, approved_at, approved_seq,
       withdrawn_by, withdrawn_at, withdrawn_seq, begun_by, begun_at, begun_seq, through, payloads, originals, keys, kept,
       emptied_at, gone_at, certificate_sha256, done_at, done_seq, decisions, approvals
  from unbroken.disposals(%s)

-- name: disposal_groups
select class, event_type, domains, scope, policies, entries, first, last, oldest, newest, part from unbroken.disposal_groups(%s, %s::uuid)

-- name: disposal_decisions
select nth, decision, classes, numbers, until, domains, reason, decided_by, decided_at, seq from unbroken.disposal_decisions(%s, %s::uuid)

-- name: disposal_policies
select policy, entries, sha256 from unbroken.disposal_policies(%s, %s::uuid)

-- name: gone_state
select number, part, partition, size, how, gone_at, waits_for from unbroken.gone_state(%s, %s::uuid)

-- name: disposed_entries
select seq, convert_to(event, 'UTF8'), convert_to(details, 'UTF8'), details_salt, hash from unbroken.disposed_entries(%s, %s::uuid, %s, %s)
