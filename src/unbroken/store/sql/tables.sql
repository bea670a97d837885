-- The tables that the log's functions act on, as verification compares them with the entries: each statement under the name
-- of its table, the columns under theirs. Every time as the server sends it, and nothing else as bytes.

-- name: one_moment
set transaction isolation level repeatable read, read only

-- name: grants
select login, duty, timestamptz_send(granted_at) as granted_at, granted_seq, granted_by, confirmed_by,
       timestamptz_send(revoked_at) as revoked_at, revoked_seq, revoked_by
  from unbroken.grants where log = %s

-- name: access_requests
select request::text as request, login, duty, reason, requested_by, timestamptz_send(requested_at) as requested_at, requested_seq,
       timestamptz_send(expires_at) as expires_at, decided_seq, decided_by, outcome
  from unbroken.access_requests where log = %s

-- name: tickets
-- Which transaction opened it means nothing outside of this server.
select ticket::text as ticket, login, duty, opened_seq, timestamptz_send(opened_at) as opened_at,
       timestamptz_send(expires_at) as expires_at, session_id, closed_seq, timestamptz_send(closed_at) as closed_at
  from unbroken.tickets where log = %s

-- name: name_lookups
select lookup::text as lookup, ticket::text as ticket, pseudonyms, login, asked_seq, timestamptz_send(asked_at) as asked_at
  from unbroken.name_lookups where log = %s

-- name: openings
select opening::text as opening, kind, ticket::text as ticket, seqs, wraps_to, login, asked_seq,
       timestamptz_send(asked_at) as asked_at, done_seq
  from unbroken.openings where log = %s

-- name: erasures
select erasure::text as erasure, basis, subjects, with_acted, despite_floors, planned::text as planned, case_name, reason,
       requested_by, timestamptz_send(requested_at) as requested_at, requested_seq, timestamptz_send(expires_at) as expires_at,
       confirmed_by, timestamptz_send(confirmed_at) as confirmed_at, confirmed_seq, withdrawn_by, withdrawn_seq,
       timestamptz_send(upto_at) as upto_at, order_sha256, begun_by, timestamptz_send(begun_at) as begun_at, begun_seq,
       reached, keys, payloads, originals, certificate_sha256, timestamptz_send(done_at) as done_at, done_seq
  from unbroken.erasures where log = %s

-- name: subject_keys
-- Of a key that is not destroyed no entry tells.
select key_id, destroyed_seq from unbroken.subject_keys where log = %s and destroyed_seq is not null

-- name: forgotten
select pseudonym, seq from unbroken.forgotten where log = %s

-- name: registries
select version, text, sha256, timestamptz_send(loaded_at) as loaded_at, loaded_by, loaded_seq
  from unbroken.registries where log = %s

-- name: key_statements
select nth, change, key, statement, seq from unbroken.key_statements where log = %s

-- name: recoveries
select system_identifier::text as system_identifier, timeline, relation::bigint as relation, seq, timestamptz_send(at) as at, by
  from unbroken.recoveries where log = %s

-- name: alarms
select type, details::text as details, seq, timestamptz_send(told_at) as told_at from unbroken.alarms where log = %s

-- name: approvals
select request::text as request, requested_seq, tool, call_id, arguments_hash, actor_id, agent_id,
       timestamptz_send(requested_until) as requested_until, decided_seq, outcome,
       timestamptz_send(approved_until) as approved_until, used_seq, self_attested
  from unbroken.approvals where log = %s

-- name: recorders
select recorder::text as recorder, login, timestamptz_send(bound_at) as bound_at from unbroken.recorders where log = %s

-- name: agents
select agent_id, agent_version, template, prompt, model, seq from unbroken.agents where log = %s

-- name: policy_sets
select version, text, sha256, simulated::text as simulated, reason, proposed_by, timestamptz_send(proposed_at) as proposed_at, proposed_seq,
       timestamptz_send(expires_at) as expires_at, outcome, decided_by, timestamptz_send(decided_at) as decided_at, decided_seq
  from unbroken.policy_sets where log = %s

-- name: start_events
select kind, item, timestamptz_send(at) as at, evidence, told_by, timestamptz_send(told_at) as told_at, seq
  from unbroken.start_events where log = %s

-- name: standing_approvals
select approval::text as approval, policies, reason, asked_by, timestamptz_send(asked_at) as asked_at, asked_seq,
       timestamptz_send(expires_at) as expires_at, timestamptz_send(valid_until) as valid_until,
       confirmed_by, timestamptz_send(confirmed_at) as confirmed_at, confirmed_seq,
       ended_by, timestamptz_send(ended_at) as ended_at, ended_seq
  from unbroken.standing_approvals where log = %s

-- name: holds
select hold::text as hold, matter, kind, reason, grace_days, review_days, issued_by, timestamptz_send(issued_at) as issued_at, issued_seq,
       reviewed_by, timestamptz_send(reviewed_at) as reviewed_at, reviewed_seq, timestamptz_send(released_at) as released_at, released_seq
  from unbroken.holds where log = %s

-- name: hold_scopes
select hold::text as hold, version, scope::text as scope, sha256, timestamptz_send(since) as since, seq,
       timestamptz_send(ends_at) as ends_at, ended_seq
  from unbroken.hold_scopes where log = %s

-- name: hold_requests
select request::text as request, hold::text as hold, kind, version, sha256, scope::text as scope, reason, asked_by,
       timestamptz_send(asked_at) as asked_at, asked_seq, timestamptz_send(expires_at) as expires_at,
       outcome, decided_by, timestamptz_send(decided_at) as decided_at, decided_seq
  from unbroken.hold_requests where log = %s

-- name: disposals
select disposal::text as disposal, standing, policies_version, upto, reached, entries, sha256,
       started_by, timestamptz_send(started_at) as started_at, proposed_by, timestamptz_send(proposed_at) as proposed_at, proposed_seq,
       timestamptz_send(expires_at) as expires_at, reviewed_by, timestamptz_send(reviewed_at) as reviewed_at, reviewed_seq,
       approved_by, timestamptz_send(approved_at) as approved_at, approved_seq,
       withdrawn_by, timestamptz_send(withdrawn_at) as withdrawn_at, withdrawn_seq, begun_by, timestamptz_send(begun_at) as begun_at, begun_seq,
       payloads, originals, keys, kept, timestamptz_send(emptied_at) as emptied_at, timestamptz_send(gone_at) as gone_at,
       certificate_sha256, timestamptz_send(done_at) as done_at, done_seq
  from unbroken.disposals where log = %s

-- name: disposal_lots
-- In their order, in which their hashes add up.
select disposal::text as disposal, part, nth, seqs::text as seqs, first, last, entries, sha256, done_seq, payloads, originals, keys, kept
  from unbroken.disposal_lots where log = %s order by disposal, part, nth

-- name: disposal_decisions
select disposal::text as disposal, nth, decision, classes, seqs::text as seqs, timestamptz_send(until) as until, domains, reason, decided_by,
       timestamptz_send(decided_at) as decided_at, seq
  from unbroken.disposal_decisions where log = %s

-- name: retention_classes
select class as number, key, event_type, domains, scope from unbroken.retention_classes where log = %s
