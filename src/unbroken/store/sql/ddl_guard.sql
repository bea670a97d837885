-- Extra protection where the installer is a superuser: nothing in the schema is altered or dropped, by nobody, as long as
-- these event triggers stand; only attach_partition may add an empty one. A superuser can drop them: that is detected from
-- outside, not prevented.

create or replace function unbroken.refuse_ddl() returns event_trigger
language plpgsql set search_path = unbroken, pg_temp as $$
declare
  v_stack text;
  v_hit   boolean;
begin
  if tg_event = 'sql_drop' then
    select bool_or(d.schema_name = 'unbroken' or d.object_identity = 'unbroken') into v_hit
      from pg_event_trigger_dropped_objects() d;
  else
    select bool_or(c.schema_name = 'unbroken' or c.object_identity = 'unbroken' or c.object_identity like 'unbroken.%'
                   or c.object_identity like '% on unbroken.%') into v_hit
      from pg_event_trigger_ddl_commands() c;
    get diagnostics v_stack = pg_context;
    -- The stack is read, not a setting; the function named there can't be replaced while this guard stands.
    if v_stack ~ 'PL/pgSQL function (unbroken\.)?attach_partition\(integer,bigint\)' and tg_tag in ('CREATE TABLE', 'CREATE TRIGGER', 'ALTER TABLE') then
      return;
    end if;
  end if;
  if v_hit then
    raise exception '% in schema unbroken is refused: migrate with unbroken', tg_tag using errcode = 'UB011';
  end if;
end $$;

drop event trigger if exists unbroken_refuse_ddl;
drop event trigger if exists unbroken_refuse_drop;
create event trigger unbroken_refuse_ddl on ddl_command_end execute function unbroken.refuse_ddl();
create event trigger unbroken_refuse_drop on sql_drop execute function unbroken.refuse_ddl();
alter event trigger unbroken_refuse_ddl enable always;
alter event trigger unbroken_refuse_drop enable always;
