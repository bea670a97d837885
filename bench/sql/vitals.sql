-- What a loaded log consists of, for the conditions of a measurement.
select count(*) as entries,
       (select count(*) from pg_inherits i where i.inhparent = 'unbroken.entries'::regclass) as partitions,
       count(*) filter (where e.event_type = 'error') as errors,
       count(*) filter (where e.event_type = 'tool_call' and e.side_effect) as side_effects,
       (select count(*) from unbroken.approvals) as approvals,
       (select count(*) from unbroken.sessions) as sessions,
       pg_database_size(current_database()) as bytes,
       extract(day from max(e.recorded_at) filter (where e.session_id is not null) - min(e.recorded_at))::float8 as days
  from unbroken.entries e
