INSERT INTO expired_checks (tenant, environment, decision, provider, model, reserved_usd, checked_at, expired_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[], $8::timestamptz[])
ON CONFLICT DO NOTHING;
