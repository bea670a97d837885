-- The registry of a log: what tools, data sources and resource types are, as a text that the package reads. The newest
-- version is the one that counts; nothing loaded is version 0, which the package has built in.

-- Loads the next version, which is an entry. The text that counts already is not loaded again.
create or replace function unbroken.load_registry(p_log text, p_text text, p_reason text) returns table (version integer, seq bigint)
language plpgsql security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log    constant int := unbroken.log_for_reader(p_log);
  v_sha256 text;
  v_newest unbroken.registries;
begin
  if p_text is null or octet_length(p_text) > 1048576 then
    raise exception 'a registry is a text of up to 1048576 bytes' using errcode = 'UB009';
  end if;
  perform unbroken.check_reason(p_reason);
  v_sha256 := unbroken.sha256_of(p_text);
  -- Two that load wait for each other here, so that one version follows the other.
  perform from logs l where l.log = v_log for no key update;
  select r.* into v_newest from registries r where r.log = v_log order by r.version desc limit 1;
  if v_newest.sha256 = v_sha256 then
    return query select v_newest.version, v_newest.loaded_seq;
    return;
  end if;
  version := coalesce(v_newest.version, 0) + 1;
  seq := unbroken.append_own(v_log, 'log.registry_loaded', jsonb_build_object(
    'version', version, 'sha256', v_sha256, 'reason', p_reason));
  insert into registries (log, version, text, sha256, loaded_at, loaded_by, loaded_seq)
  values (v_log, load_registry.version, p_text, v_sha256, clock_timestamp(), session_user, load_registry.seq);
  return next;
end $$;

-- The log of this name, for whoever records into it or holds a duty for it.
create or replace function unbroken.log_for_holder(p_log text) returns integer
language plpgsql stable set search_path = unbroken, pg_temp as $$
begin
  if exists (select from grants g where g.login = session_user and g.duty in ('writer', 'server') and g.revoked_at is null) then
    return unbroken.log_for_writer(p_log);
  end if;
  return unbroken.log_for_reader(p_log);
end $$;

-- One version, the newest unless it is named; no row where there is none.
create or replace function unbroken.registry(p_log text, p_version integer default null)
returns table (version integer, text text, sha256 text, loaded_at timestamptz, loaded_by text)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_holder(p_log);
begin
  return query
  select r.version, r.text, r.sha256, r.loaded_at, r.loaded_by from registries r
   where r.log = v_log and (p_version is null or r.version = p_version) order by r.version desc limit 1;
end $$;

-- The number of the newest version, 0 for none: asked often, to notice that there is a new one.
create or replace function unbroken.registry_version(p_log text) returns integer
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
declare
  v_log constant int := unbroken.log_for_writer(p_log);
begin
  return coalesce((select max(r.version) from registries r where r.log = v_log), 0);
end $$;

-- Notes tools, sources and resource types that no registry names. A log has room for 10000, give or take what comes at once; what
-- comes then is dropped, as a name made up for every call would fill the disk.
create or replace function unbroken.note_unclassified(p_log text, p_kinds text[], p_names text[]) returns void
language plpgsql security definer set search_path = unbroken, pg_temp
set plan_cache_mode = force_generic_plan set jit = off set enable_seqscan = off as $$
declare
  n     constant int := cardinality(p_kinds);
  v_log constant int := unbroken.log_for_writer(p_log);
  v_new  integer[];
begin
  if n is null or n not between 1 and 100 or array_fill('[1:' || n || ']', array[2]) <> array[array_dims(p_kinds), array_dims(p_names)]
     or exists (select from unnest(p_kinds, p_names) as u (kind, name)
                 where (u.kind in ('tool', 'source', 'resource') and octet_length(u.name) between 1 and 1024) is not true) then
    raise exception 'note 1 to 100 names of 1 to 1024 bytes, each of a tool, source or resource' using errcode = 'UB009';
  end if;
  -- One by one: joined, the planner would read the whole list for each.
  v_new := array(select u.nth from unnest(p_kinds, p_names) with ordinality as u (kind, name, nth)
                  where (select c.log from unclassified c where c.log = v_log and c.kind = u.kind and c.name = u.name) is null);
  if v_new = '{}' then
    return;
  end if;
  insert into unclassified (log, kind, name)
  select distinct v_log, p_kinds[nth] collate "C", p_names[nth] collate "C" from unnest(v_new) as nth
   order by 2, 3
   limit greatest(10000 - (select count(*) from unclassified c where c.log = v_log), 0)
  on conflict do nothing;
end $$;

-- What no registry named when it was noted, oldest first. Needs a grant and no ticket, like what else shows nobody's rows.
create or replace function unbroken.unclassified(p_log text) returns table (kind text, name text, noted_at timestamptz)
language plpgsql stable security definer set search_path = unbroken, pg_temp as $$
#variable_conflict use_column
declare
  v_log constant int := unbroken.log_for_reader(p_log);
begin
  return query
  select c.kind, c.name, c.noted_at from unclassified c where c.log = v_log order by c.noted_at, c.kind, c.name;
end $$;
