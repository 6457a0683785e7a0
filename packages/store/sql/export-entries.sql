-- A page of a chain, ended by its bytes too, so that a few huge bodies do not fill the memory; its first entry is always in it.
-- $1 tenant, $2 from, $3 to, $4 rows, $5 bytes
SELECT sequence, body, entry_hash, mac FROM (
  SELECT sequence, body, entry_hash, mac, sum(octet_length(body)) OVER (ORDER BY sequence) - octet_length(body) AS before
  FROM (
    SELECT sequence, body, entry_hash, mac FROM ledger_entries
    WHERE tenant = $1 AND sequence BETWEEN $2 AND $3 ORDER BY sequence LIMIT $4
  ) AS page
) AS sized
WHERE before < $5
ORDER BY sequence;
