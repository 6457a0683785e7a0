-- Adds what a batch settled to its counters. The chain's lock makes each addition happen once.
INSERT INTO counter_sums AS c (tenant, limit_id, window_id, settled, last_ms)
SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::text[]), unnest($4::bigint[]), unnest($5::bigint[])
ON CONFLICT (tenant, limit_id, window_id) DO UPDATE SET
  settled = c.settled + excluded.settled,
  last_ms = greatest(c.last_ms, excluded.last_ms);
