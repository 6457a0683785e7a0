-- The largest checkpoint that a witness cosigned; 0 = none. $1 tenant, $2 witness
SELECT coalesce(max(size), 0) AS size FROM ledger_cosignatures WHERE tenant = $1 AND witness = $2;
