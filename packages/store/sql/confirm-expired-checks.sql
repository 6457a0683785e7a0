UPDATE expired_checks e SET recorded_by = late.entry
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[]) AS late (tenant, environment, decision, entry)
WHERE e.tenant = late.tenant AND e.environment = late.environment AND e.decision = late.decision AND e.recorded_by IS NULL;
