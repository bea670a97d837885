-- What a loaded log consists of, for the conditions of a measurement.
select count(*) as entries,
       (select count(*) from pg_inherits i where i.inhparent = 'unbroken.entries'::regclass) as partitions,
       (select count(*) from unbroken.entries where event_type = 'error') as errors,
       (select count(*) from unbroken.entries where event_type = 'tool_call' and side_effect) as side_effects,
       (select count(*) from unbroken.approvals) as approvals,
       (select count(*) from unbroken.sessions) as sessions,
       pg_database_size(current_database()) as bytes,
       (select min(recorded_at) from unbroken.entries) as since,
       (select max(recorded_at) from unbroken.entries) as upto
  from unbroken.entries
