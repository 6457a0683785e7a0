-- The largest checkpoint of at most so many entries; NULL where there is none. $1 tenant, $2 entries
SELECT max(size) AS size FROM ledger_checkpoints WHERE tenant = $1 AND size <= $2;
