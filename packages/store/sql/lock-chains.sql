-- The chains of these tenants are ours until the transaction ends: commit order is sequence order, without a gap. The keys come
-- sorted; OFFSET 0 keeps the planner from calling the function in another order.
SELECT pg_advisory_xact_lock(k) FROM (SELECT k FROM unnest($1::bigint[]) WITH ORDINALITY AS t (k, n) ORDER BY n OFFSET 0) AS sorted;
