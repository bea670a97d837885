-- Which rows a login sees. Forced on every table, so that a table without a policy shows nothing to nobody, its owner
-- included; the owner's own policy is what lets the functions work, and without it they fail. Partitions have none: nobody
-- reads one by itself. Run as the owner, after the functions that the policies call.
do $$
declare
  v_table text;
begin
  for v_table in select c.relname from pg_class c where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p') loop
    execute format('alter table unbroken.%I enable row level security', v_table);
    execute format('alter table unbroken.%I force row level security', v_table);
  end loop;
  for v_table in select c.relname from pg_class c where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition loop
    execute format('drop policy if exists owner on unbroken.%I', v_table);
    execute format('drop policy if exists verifier on unbroken.%I', v_table);
    execute format('drop policy if exists granted on unbroken.%I', v_table);
    execute format('drop policy if exists ticketed on unbroken.%I', v_table);
    execute format('drop policy if exists unheld on unbroken.%I', v_table);
    execute format('create policy owner on unbroken.%I to unbroken_owner using (true) with check (true)', v_table);
  end loop;
  -- A verifier is no person: it reads all of its logs, whatever it is asked.
  foreach v_table in array array['entries', 'payloads', 'originals', 'sessions', 'event_ids', 'approvals', 'agents', 'alarms', 'erasures',
                                 'forgotten', 'name_lookups', 'recoveries', 'registries', 'subject_keys', 'retention_classes', 'policy_sets',
                                 'start_events', 'holds', 'hold_scopes', 'hold_requests', 'standing_approvals', 'disposals', 'disposal_lots',
                                 'disposal_groups', 'disposal_decisions'] loop
    execute format('create policy verifier on unbroken.%I for select to unbroken_verifier using (unbroken.asks_with_grant() and log = any ((select unbroken.granted_logs())::integer[]))', v_table);
  end loop;
  -- What is about a log and shows nobody's rows, for those who hold a duty for it.
  foreach v_table in array array['logs', 'grants', 'recorders', 'access_requests', 'tickets', 'openings', 'tiles', 'checkpoints', 'anchorings',
                                 'key_statements', 'continuity'] loop
    execute format('create policy granted on unbroken.%I for select to unbroken_verifier, unbroken_ops, unbroken_compliance, unbroken_legal,'
                   ' unbroken_dpo, unbroken_retention, unbroken_access, unbroken_notary using (unbroken.asks_with_grant() and log = any ((select unbroken.granted_logs())::integer[]))', v_table);
  end loop;
end $$;

create policy granted on unbroken.migrations for select to unbroken_verifier, unbroken_ops, unbroken_compliance, unbroken_legal,
  unbroken_dpo, unbroken_retention, unbroken_access, unbroken_notary using (true);

-- People read under a ticket, or are refused before any row is looked for.
create policy ticketed on unbroken.entries for select to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo
  using (unbroken.asks_with_ticket() and (select unbroken.has_ticket())
         and (log = any ((select unbroken.readable_logs())::integer[])
              or session_id = any ((select unbroken.readable_sessions())::text[]) and unbroken.is_open(log, session_id)
              or event_type in ('log.erased', 'log.disposed') and log = any ((select unbroken.ticketed_logs())::integer[])));
-- That there is a hold is not for operations to know.
create policy unheld on unbroken.entries as restrictive for select to unbroken_ops using (event_type not like 'log.hold%');
create policy ticketed on unbroken.sessions for select to unbroken_ops, unbroken_compliance, unbroken_legal, unbroken_dpo
  using (unbroken.asks_with_ticket()
         and (log = any ((select unbroken.readable_logs())::integer[])
              or session_id = any ((select unbroken.readable_sessions())::text[]) and unbroken.is_open(log, session_id)));
-- What hangs on an entry is seen where the entry is.
create policy ticketed on unbroken.payloads for select to unbroken_compliance, unbroken_legal, unbroken_dpo
  using (unbroken.asks_with_ticket() and (select unbroken.has_ticket())
         and (log = any ((select unbroken.readable_logs())::integer[])
              or exists (select from unbroken.entries e where e.log = payloads.log and e.seq = payloads.seq)));
create policy ticketed on unbroken.originals for select to unbroken_compliance, unbroken_legal, unbroken_dpo
  using (unbroken.asks_with_ticket() and (select unbroken.has_ticket())
         and (log = any ((select unbroken.readable_logs())::integer[])
              or exists (select from unbroken.entries e where e.log = originals.log and e.seq = originals.seq)));
create policy ticketed on unbroken.approvals for select to unbroken_compliance, unbroken_legal, unbroken_dpo
  using (unbroken.asks_with_ticket()
         and (log = any ((select unbroken.readable_logs())::integer[])
              or exists (select from unbroken.entries e where e.log = approvals.log and e.seq = approvals.requested_seq)));
