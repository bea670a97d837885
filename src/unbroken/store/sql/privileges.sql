-- Who may do what. Everything else is refused; nothing is granted on partitions, and PUBLIC has nothing. Taken away first,
-- so that what an older release gave does not stay.
do $$
declare
  v_role   text;
  v_object record;
begin
  for v_role in select 'public' union all select quote_ident(r.rolname) from pg_roles r where r.rolname in (
    'unbroken_writer', 'unbroken_server', 'unbroken_ops', 'unbroken_compliance', 'unbroken_legal', 'unbroken_dpo',
    'unbroken_subjects', 'unbroken_retention', 'unbroken_verifier', 'unbroken_access', 'unbroken_notary')
  loop
    execute format('revoke all on schema unbroken from %s', v_role);
    execute format('revoke all on all functions in schema unbroken from %s', v_role);
    execute format('revoke all on all tables in schema unbroken from %s', v_role);
    execute format('revoke all on all sequences in schema unbroken from %s', v_role);
  end loop;
  for v_object in
    select c.relname, a.attname, x.grantee::regrole::text as grantee
      from pg_class c join pg_attribute a on a.attrelid = c.oid cross join lateral aclexplode(a.attacl) x
     where c.relnamespace = 'unbroken'::regnamespace and x.grantee <> c.relowner
  loop
    execute format('revoke all (%I) on unbroken.%I from %s', v_object.attname, v_object.relname, v_object.grantee);
  end loop;
  for v_object in select t.oid::regtype::text as name from pg_type t join pg_class c on c.oid = t.typrelid
                   where t.typnamespace = 'unbroken'::regnamespace and c.relkind = 'c' loop
    execute format('revoke all on type %s from public', v_object.name);
  end loop;
end $$;
grant usage on schema unbroken to unbroken_writer, unbroken_server, unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo,
                                  unbroken_retention, unbroken_verifier, unbroken_access, unbroken_notary;

-- Recording.
grant execute on function unbroken.append(text, text[], text[], bytea[], text[], bytea[], text[], bytea[], text, bytea[]) to unbroken_writer, unbroken_server;
grant execute on function unbroken.append_early(text, text[], text[], bytea[], text[], bytea[], text[], bytea[], text, bytea[]) to unbroken_writer, unbroken_server;
grant execute on function unbroken.receipts(text, uuid[], bytea[]) to unbroken_writer, unbroken_server;
grant execute on function unbroken.barrier(text, bigint, bytea) to unbroken_writer, unbroken_server, unbroken_verifier, unbroken_notary;
grant execute on function unbroken.covered(text) to unbroken_writer, unbroken_server;
grant execute on function unbroken.describe_log(text) to unbroken_writer, unbroken_server;
grant execute on function unbroken.earlier_receipts(text, uuid[], bytea[]), unbroken.concern_erased(text, text[], timestamptz[])
  to unbroken_writer, unbroken_server;
grant execute on function unbroken.stop_recorder(text, uuid, bigint) to unbroken_writer, unbroken_server;
grant execute on function unbroken.declare_gap(text, uuid, text, bigint, bigint, bigint, text, text, uuid[], uuid) to unbroken_writer, unbroken_server;
grant execute on function unbroken.approvals_of(text, uuid, text, text) to unbroken_writer, unbroken_server;
grant execute on function unbroken.vault_keys(text, text[], text[]),
                          unbroken.identify(text, bytea[], text[], bytea[], boolean), unbroken.registry_version(text),
                          unbroken.note_unclassified(text, text[], text[]) to unbroken_writer, unbroken_server;

-- Reading, under a ticket but for verifiers.
grant execute on function unbroken.open_ticket(text, text, text, jsonb, interval), unbroken.close_ticket(text, uuid, text, bigint, text)
  to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;
grant execute on function unbroken.asks_with_ticket(), unbroken.has_ticket(), unbroken.readable_logs(), unbroken.readable_sessions(), unbroken.ticketed_logs(), unbroken.is_open(integer, text)
  to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo;
grant execute on function unbroken.asks_with_grant(), unbroken.granted_logs(), unbroken.log_head(text), unbroken.log_size(text)
  to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_retention, unbroken_verifier, unbroken_access, unbroken_notary;
grant execute on function unbroken.line(unbroken.entries) to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;
grant execute on function unbroken.pseudonym(text, text) to unbroken_compliance;
grant select on unbroken.logs, unbroken.migrations
  to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_retention, unbroken_verifier, unbroken_access, unbroken_notary;
grant select on unbroken.entries, unbroken.payloads, unbroken.sessions, unbroken.approvals, unbroken.agent_audit, unbroken.audit_log
  to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;
grant select on unbroken.event_ids to unbroken_verifier;
grant select on unbroken.recorders to unbroken_ops, unbroken_compliance, unbroken_verifier;
grant select on unbroken.grants to unbroken_ops, unbroken_compliance, unbroken_verifier, unbroken_access;
grant select on unbroken.access_requests to unbroken_compliance, unbroken_verifier, unbroken_access;
grant select on unbroken.tickets to unbroken_compliance, unbroken_verifier;
grant select on unbroken.openings to unbroken_compliance, unbroken_verifier;
-- What entries tell of, for verification to compare; of keys and names only which are gone.
grant select on unbroken.agents, unbroken.alarms, unbroken.erasures, unbroken.forgotten, unbroken.name_lookups, unbroken.recoveries,
                unbroken.registries, unbroken.retention_classes, unbroken.policy_sets, unbroken.start_events, unbroken.holds,
                unbroken.hold_scopes, unbroken.hold_requests, unbroken.standing_approvals, unbroken.disposals, unbroken.disposal_lots,
                unbroken.disposal_groups, unbroken.disposal_decisions to unbroken_verifier;
grant select (log, key_id, destroyed_seq) on unbroken.subject_keys to unbroken_verifier;

-- The tree, its signed heads and what became of them show hashes and times: to everybody who may know of the log.
grant select on unbroken.tiles, unbroken.checkpoints, unbroken.anchorings, unbroken.key_statements, unbroken.continuity
  to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_retention, unbroken_verifier, unbroken_access, unbroken_notary;
grant execute on function unbroken.read_tiles(text, integer[], bigint[], integer[])
  to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_retention, unbroken_verifier, unbroken_access, unbroken_notary;
grant execute on function unbroken.leaves(text, bigint, integer) to unbroken_verifier, unbroken_notary;
grant execute on function unbroken.notary_state(text), unbroken.store_tiles(text, integer[], bigint[], bytea[]),
                          unbroken.store_checkpoint(text, bigint, bytea, text, timestamptz, boolean),
                          unbroken.confirm_continuity(text, bigint, bytea, boolean), unbroken.close_log(text, text),
                          unbroken.store_receipt(text, text, text, bigint, bytea, bytea, timestamptz),
                          unbroken.store_key_statement(text, text, text, text), unbroken.raise_alarm(text, text, jsonb) to unbroken_notary;
grant execute on function unbroken.record_verification(text, jsonb) to unbroken_verifier;
grant execute on function unbroken.record_export(text, uuid, jsonb) to unbroken_compliance, unbroken_legal, unbroken_dpo;

-- What stands behind pseudonyms: by these functions alone, under a ticket and on record.
grant execute on function unbroken.pseudonyms_of(text, bytea[]), unbroken.ask_names(text, uuid, text[]), unbroken.names(text, uuid)
  to unbroken_compliance, unbroken_legal, unbroken_dpo;

-- The vault and what it holds: sealed originals and wrapped keys leave it by these functions alone, on record.
grant execute on function unbroken.refill_vault(text, text[], bytea[], text[], bytea[], text), unbroken.ask_rewrapping(text, text),
                          unbroken.keys_to_rewrap(text, uuid, integer), unbroken.rewrap_keys(text, uuid, text[], bytea[], bytea[]),
                          unbroken.close_rewrapping(text, uuid), unbroken.ask_originals(text, uuid, text, bigint[]), unbroken.originals(text, uuid),
                          unbroken.opened_keys(text, uuid, text[]), unbroken.close_opening(text, uuid, bigint, bigint, text) to unbroken_dpo;
grant execute on function unbroken.vault_state(text) to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;
grant select (log, seq) on unbroken.originals to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;

-- Erasing a person: asked for and carried out by a data protection officer, confirmed by somebody else.
grant execute on function unbroken.find_person(text, uuid, text[], boolean), unbroken.ask_erasure(text, uuid, text[], boolean, text, text, boolean),
                          unbroken.prepare_erasure(text, uuid), unbroken.begin_erasure(text, uuid, text[], text),
                          unbroken.erase_batch(text, uuid, integer), unbroken.finish_erasure(text, uuid, text) to unbroken_dpo;
grant execute on function unbroken.confirm_erasure(text, uuid), unbroken.withdraw_erasure(text, uuid)
  to unbroken_compliance, unbroken_legal, unbroken_dpo;
grant execute on function unbroken.erasures(text) to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;
grant execute on function unbroken.key_absences(text), unbroken.known_pseudonyms(text, text[]) to unbroken_verifier;
grant execute on function unbroken.reads_are_open(text) to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;

-- Disposal: looked for, proposed and carried out by the retention duty; reviewed and approved by two others.
grant execute on function unbroken.start_disposal(text, boolean), unbroken.freeze_disposal(text, uuid, integer), unbroken.propose_disposal(text, uuid),
                          unbroken.begin_disposal(text, uuid), unbroken.dispose_batch(text, uuid, integer), unbroken.drop_empty(text, bigint),
                          unbroken.note_gone(text, uuid), unbroken.finish_disposal(text, uuid, text) to unbroken_retention;
grant execute on function unbroken.decide_disposal(text, uuid, text, integer[], text, timestamptz, text[], text),
                          unbroken.review_disposal(text, uuid, text, text), unbroken.approve_disposal(text, uuid, text)
  to unbroken_compliance, unbroken_legal, unbroken_dpo;
grant execute on function unbroken.withdraw_disposal(text, uuid, text) to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_retention;
grant execute on function unbroken.disposals(text), unbroken.disposal_policies(text, uuid), unbroken.gone_state(text, uuid),
                          unbroken.disposal_decisions(text, uuid), unbroken.disposed_entries(text, uuid, bigint, integer)
  to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_retention, unbroken_verifier;
grant execute on function unbroken.disposal_groups(text, uuid)
  to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;

-- Legal holds: nobody else learns of them, but for whoever destroys, that something is held.
grant execute on function unbroken.issue_hold(text, text, text, jsonb, text, integer, integer), unbroken.review_hold(text, uuid, text),
                          unbroken.hold_reach(text, uuid, bigint, integer), unbroken.note_hold_reach(text, uuid, bigint, bigint, bigint, bigint),
                          unbroken.ask_hold_change(text, uuid, text, jsonb, text), unbroken.confirm_hold_change(text, uuid),
                          unbroken.withdraw_hold_change(text, uuid) to unbroken_compliance, unbroken_legal;
grant execute on function unbroken.holds(text), unbroken.hold_scopes(text, uuid), unbroken.hold_requests(text)
  to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;

-- What has to be kept for how long: proposed and confirmed by people of different logins, and asked for by whoever acts on it.
grant execute on function unbroken.propose_policies(text, text, text, jsonb), unbroken.confirm_policies(text, integer),
                          unbroken.withdraw_policies(text, integer), unbroken.ask_standing(text, text[], timestamptz, text),
                          unbroken.confirm_standing(text, uuid), unbroken.end_standing(text, uuid, text)
  to unbroken_compliance, unbroken_legal, unbroken_dpo;
grant execute on function unbroken.policy_sets(text), unbroken.start_events(text), unbroken.standing_approvals(text),
                          unbroken.retention_classes(text, integer[]), unbroken.class_counts(text, bigint, integer), unbroken.retention_of(text, text)
  to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_retention, unbroken_verifier;
grant execute on function unbroken.tell_start(text, text, text, timestamptz, text) to unbroken_compliance, unbroken_legal, unbroken_server;

-- The registry.
grant execute on function unbroken.load_registry(text, text, text) to unbroken_compliance;
grant execute on function unbroken.registry(text, integer)
  to unbroken_writer, unbroken_server, unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier, unbroken_access;
grant execute on function unbroken.unclassified(text) to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo;

-- Operations: what runs, and nothing that people or agents said.
grant select (log, seq, session_seq, recorded_at, writer, prev_hash, hash, id, event_type, agent_id, session_id, tool, side_effect, outcome, resource_type, contains)
  on unbroken.entries to unbroken_ops;
grant select on unbroken.sessions to unbroken_ops;
grant execute on function unbroken.end_lock_holder(text, interval) to unbroken_ops;

-- Access administration.
grant execute on function unbroken.grant_access(text, text, text, text), unbroken.confirm_access(text, uuid),
                          unbroken.withdraw_access(text, uuid), unbroken.revoke_access(text, text, text, text) to unbroken_access;

-- Investigations, which show a caller no row that it could not select.
grant execute on function unbroken.investigated_log(text), unbroken.place_after(integer, timestamptz, bigint), unbroken.said_in(text),
                          unbroken.agent_actions(text, text, text, timestamptz, timestamptz, bigint, integer),
                          unbroken.unapproved_calls(text, timestamptz, timestamptz, bigint, integer),
                          unbroken.error_bursts(text, timestamptz, timestamptz, integer, timestamptz, integer),
                          unbroken.resource_access(text, text, text, bigint, integer),
                          unbroken.entries_containing(text, text[], timestamptz, timestamptz, bigint, integer)
  to unbroken_compliance, unbroken_legal, unbroken_dpo, unbroken_verifier;
