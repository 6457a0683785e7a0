-- Entries that say what was purged, each with the hash of the entry before it; few, over the index of changes alone. $1 tenant, $2 the bytes that
-- their action has in a body
SELECT e.sequence, e.body, e.entry_hash, e.mac, previous.entry_hash AS previous_hash
FROM ledger_entries AS e
LEFT JOIN ledger_entries AS previous ON previous.tenant = e.tenant AND previous.sequence = e.sequence - 1
WHERE e.tenant = $1 AND e.type IN (7, 8, 9) AND position($2 IN e.body) > 0
ORDER BY e.sequence;
