-- $1 tenant, $2 sequence
SELECT e.sequence, e.body, e.entry_hash, e.mac, previous.entry_hash AS previous_hash
FROM ledger_entries AS e
LEFT JOIN ledger_entries AS previous ON previous.tenant = e.tenant AND previous.sequence = e.sequence - 1
WHERE e.tenant = $1 AND e.sequence = $2;
