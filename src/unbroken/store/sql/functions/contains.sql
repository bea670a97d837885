-- What an event holds, by the kinds of what was masked in it.

-- The flags that a finding of this kind raises. A test holds it equal to what the package says of each kind.
create or replace function unbroken.classes_of(p_kind text) returns text[]
language sql immutable parallel safe as $$
select (case
  when p_kind in ('CREDIT_CARD', 'CARD_TRACK') then '{card,personal}'
  when p_kind in ('CARD_EXPIRY', 'CARD_CODE') then '{card}'
  when p_kind in ('MEDICAL_RECORD', 'HEALTH_PLAN', 'US_MBI', 'US_NPI', 'UK_NHS', 'MEDICAL_LICENSE', 'DE_HEALTH_INSURANCE', 'DE_LANR',
                  'AU_MEDICARE') then '{health,personal}'
  when p_kind = 'DE_BSNR' then '{health}'
  when p_kind in ('SECRET', 'API_KEY', 'PASSWORD', 'PRIVATE_KEY', 'JWT', 'URL_CREDENTIALS', 'CONNECTION_SECRET') then '{secret}'
  when p_kind = 'UNSCANNED' then '{}'
  else '{personal}'
end)::text[]
$$;

-- The flags of an event's redactions, which are kind:count each: sorted, null for none. Plain expressions, as append asks this
-- of every event that has any.
create or replace function unbroken.contains_of(p_redactions text[]) returns text[]
language plpgsql immutable parallel safe set search_path = unbroken, pg_temp as $$
declare
  v_item  text;
  v_flags text[] := '{}';
begin
  foreach v_item in array p_redactions loop
    v_flags := v_flags || unbroken.classes_of(split_part(v_item, ':', 1));
  end loop;
  return nullif(array_remove(array[
    case when 'card' = any (v_flags) then 'card' end, case when 'health' = any (v_flags) then 'health' end,
    case when 'personal' = any (v_flags) then 'personal' end, case when 'secret' = any (v_flags) then 'secret' end], null), '{}');
end $$;
