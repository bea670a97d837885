-- How the record in a copy of the database is forged. Every statement is one that only a superuser can carry out, and that
-- only after the guards are gone.

-- name: copy
create database {copy} template {original}

-- name: drop
drop database if exists {copy} with (force)

-- name: remove_guards
drop event trigger if exists unbroken_refuse_ddl;
drop event trigger if exists unbroken_refuse_drop;
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c where c.relnamespace = 'unbroken'::regnamespace and c.relkind in ('r', 'p')
  loop
    execute format('alter table %s disable trigger user', v_table);
  end loop;
end $$

-- name: change_payload
-- A few words in what a tool answered.
update unbroken.payloads p
   set outputs = replace(p.outputs, %(old)s, %(new)s)
  from unbroken.entries e
 where e.log = p.log and e.seq = p.seq and e.session_id = %(session)s and e.event_type = 'tool_result' and e.tool = %(tool)s
   and strpos(p.outputs, %(old)s) > 0
returning p.seq

-- name: change_actor
-- The column is changed with the text, so that they agree.
update unbroken.entries e
   set event = replace(e.event, '"actor_id":' || to_json(e.actor_id), '"actor_id":' || to_json(%(new)s::text)),
       actor_id = %(new)s
 where e.session_id = %(session)s and e.event_type = 'tool_call' and e.tool = %(tool)s
returning e.seq

-- name: delete_entry
-- From every table that knows of it.
with gone as (
  delete from unbroken.entries e
   where e.session_id = %(session)s and e.event_type = 'tool_call' and e.tool = %(tool)s
  returning e.log, e.seq
), payload as (
  delete from unbroken.payloads p using gone g where p.log = g.log and p.seq = g.seq
), id as (
  delete from unbroken.event_ids i using gone g where i.log = g.log and i.seq = g.seq
)
select seq from gone

-- name: commit_anew
-- Puts the commitment to the changed payload in the place of the true one.
update unbroken.entries e
   set event = replace(e.event, e.event::json ->> 'outputs',
                       encode(sha256(p.outputs_salt || convert_to(p.outputs, 'UTF8')), 'hex'))
  from unbroken.payloads p
 where p.log = e.log and p.seq = e.seq and e.seq = %(seq)s

-- name: define_hash_anew
-- Computes the hashes of an entry and of all that come after it, each with its predecessor's new one in it.
create function pg_temp.hash_anew(p_from bigint) returns bigint
language plpgsql as $$
declare
  e      unbroken.entries;
  v_prev bytea;
  v_last bigint;
begin
  for e in select * from unbroken.entries where seq >= p_from order by seq loop
    e.prev_hash := coalesce(v_prev, e.prev_hash);
    v_prev := sha256('\x00'::bytea || convert_to(unbroken.line(e), 'UTF8'));
    update unbroken.entries set prev_hash = e.prev_hash, hash = v_prev where log = e.log and seq = e.seq;
    v_last := e.seq;
  end loop;
  return v_last;
end $$

-- name: hash_anew
select pg_temp.hash_anew(%(seq)s)
