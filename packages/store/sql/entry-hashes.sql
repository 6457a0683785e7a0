-- The hashes of these entries. $1 tenant, $2 sequences
SELECT sequence, entry_hash FROM ledger_entries WHERE tenant = $1 AND sequence = ANY($2::bigint[]);
