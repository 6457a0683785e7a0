-- $1 tenant, $2 size, $3 root, $4 note, $5 made at. Two that made the same one at once: the first is kept, and both are good.
INSERT INTO ledger_checkpoints (tenant, size, root, note, made_at, first_of_month)
SELECT $1::uuid, $2::bigint, $3::bytea, $4::text, $5::timestamptz, NOT EXISTS (
  SELECT FROM ledger_checkpoints AS c
  WHERE c.tenant = $1::uuid AND c.made_at >= date_trunc('month', $5::timestamptz, 'UTC')
    AND c.made_at < date_trunc('month', $5::timestamptz, 'UTC') + interval '1 month'
)
ON CONFLICT (tenant, size) DO NOTHING;
