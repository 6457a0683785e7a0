-- A walk that begins, unless as many of the tenant's are under way as may be; old ones go. $1 tenant, $2 id, $3 from, $4 to, $5 most
-- under way, $6 seconds after which a silent one has ended, $7 days that one is kept
WITH forgotten AS (
  DELETE FROM ledger_walks WHERE tenant = $1 AND began_at < now() - make_interval(days => $7::integer)
)
INSERT INTO ledger_walks (tenant, id, from_sequence, to_sequence)
SELECT $1::uuid, $2::uuid, $3::bigint, $4::bigint
WHERE (
  SELECT count(*) FROM ledger_walks
  WHERE tenant = $1 AND ended_at IS NULL AND heard_at > now() - make_interval(secs => $6::integer)
) < $5::integer
RETURNING id;
