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

-- The flags of an event's redactions, which are kind:count each: sorted, null for none. In plpgsql, which keeps its plan.
create or replace function unbroken.contains_of(p_redactions text[]) returns text[]
language plpgsql immutable parallel safe set search_path = unbroken, pg_temp as $$
begin
  return (
    select array_agg(distinct flag collate "C" order by flag collate "C")
      from unnest(p_redactions) as item, unnest(unbroken.classes_of(split_part(item, ':', 1))) as flag);
end $$;
