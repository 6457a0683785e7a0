INSERT INTO payloads (tenant, environment, decision, sealed, stored_at, expires_at)
SELECT tenant, environment, decision, decode(sealed, 'base64'), stored_at, expires_at
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::timestamptz[], $6::timestamptz[])
  AS kept (tenant, environment, decision, sealed, stored_at, expires_at)
ON CONFLICT DO NOTHING;
