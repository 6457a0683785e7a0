-- Until the transaction ends: two policies that come to count the same must not both find it uncounted. $1 tenant, $2 environment
SELECT pg_advisory_xact_lock(hashtextextended('starting counters ' || $1::text || ' ' || $2::text, 0));
