-- $1 tenant, then the wanted ones as arrays of level and index.
SELECT s.level, s.index, s.hash
FROM unnest($2::smallint[], $3::bigint[]) AS wanted (level, index)
JOIN ledger_subtrees AS s ON s.tenant = $1 AND s.level = wanted.level AND s.index = wanted.index;
