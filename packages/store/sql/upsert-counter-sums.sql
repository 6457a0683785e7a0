-- Adds what a batch settled to its counters. The chain's lock makes each addition happen once.
INSERT INTO counter_sums AS c (tenant, limit_id, window_id, settled, last_ms)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
ON CONFLICT (tenant, limit_id, window_id) DO UPDATE SET
  settled = c.settled + excluded.settled,
  last_ms = greatest(c.last_ms, excluded.last_ms);
