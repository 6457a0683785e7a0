-- $1 tenant, $2 verified to, $3 looked at, $4 whole at, $5 first bad sequence, $6 problem, $7 MAC of all these
INSERT INTO ledger_verifications (tenant, verified_to, looked_at, whole_at, first_bad_sequence, problem, mac)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (tenant) DO UPDATE SET
  verified_to = excluded.verified_to,
  looked_at = excluded.looked_at,
  whole_at = excluded.whole_at,
  first_bad_sequence = excluded.first_bad_sequence,
  problem = excluded.problem,
  mac = excluded.mac;
