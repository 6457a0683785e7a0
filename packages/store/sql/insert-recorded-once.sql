-- A name that was taken before (claim-recorded-once.sql) gets its answer; what has one keeps it.
INSERT INTO recorded_once AS once (tenant, environment, name, body, answer, recorded_at)
SELECT DISTINCT ON (tenant, environment, name) tenant, environment, decode(name, 'hex'), decode(body, 'hex'), answer, recorded_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
  AS made (tenant, environment, name, body, answer, recorded_at)
ON CONFLICT (tenant, environment, name) DO UPDATE
  SET body = excluded.body, answer = excluded.answer, recorded_at = excluded.recorded_at WHERE once.answer = '';
