-- Who may do what. Everything else is refused; nothing is granted on partitions, and PUBLIC has nothing.
revoke all on schema unbroken from public;
revoke all on all functions in schema unbroken from public;
revoke all on all tables in schema unbroken from public;
grant usage on schema unbroken to unbroken_writer, unbroken_verifier, unbroken_ops;

grant execute on function unbroken.append(text, text[], text[], bytea[], text[], bytea[], text[], bytea[]) to unbroken_writer;
grant execute on function unbroken.receipts(text, uuid[], bytea[]) to unbroken_writer;
grant execute on function unbroken.append_early(text, text[], text[], bytea[], text[], bytea[], text[], bytea[]) to unbroken_writer;
grant execute on function unbroken.barrier(text, bigint, bytea) to unbroken_writer, unbroken_verifier;
grant execute on function unbroken.describe_log(text) to unbroken_writer;
grant execute on function unbroken.stop_recorder(text, uuid, bigint) to unbroken_writer;
grant execute on function unbroken.declare_gap(text, uuid, text, bigint, bigint, bigint, text, text, uuid[], uuid) to unbroken_writer;
grant execute on function unbroken.approvals_of(text, uuid, text, text) to unbroken_writer;
grant execute on function unbroken.end_lock_holder(text, interval) to unbroken_ops;

grant select on unbroken.logs, unbroken.entries, unbroken.sessions, unbroken.event_ids, unbroken.grants, unbroken.migrations,
                unbroken.recorders, unbroken.approvals,
                unbroken.agent_audit, unbroken.audit_log to unbroken_verifier, unbroken_ops;
grant select on unbroken.payloads to unbroken_verifier;
grant execute on function unbroken.line(unbroken.entries), unbroken.payload_for_reader(integer, bigint) to unbroken_verifier, unbroken_ops;
