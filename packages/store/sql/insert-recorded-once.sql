INSERT INTO recorded_once (tenant, environment, name, body, answer, recorded_at)
SELECT tenant, environment, decode(name, 'hex'), decode(body, 'hex'), answer, recorded_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
  AS made (tenant, environment, name, body, answer, recorded_at)
ON CONFLICT DO NOTHING;
