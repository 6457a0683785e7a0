-- A month more, counted as it is now. Nothing where the one before it is not cleared yet, or another process was faster.
-- $1 tenant, $2 environment, $3 from and $4 before (microseconds), $5 the entry that will say so
INSERT INTO purged_details AS p (tenant, environment, from_us, before_us, entry, entries, payloads, after_sequence)
SELECT $1, $2, $3, $4, $5, count(*), count(k.decision), 0
FROM ledger_entries AS e LEFT JOIN payloads AS k ON k.tenant = e.tenant AND k.decision = e.entry_id
WHERE e.tenant = $1 AND e.environment = $2 AND e.time_us >= $3 AND e.time_us < $4 AND e.type IN (2, 3, 4, 5, 6, 10)
ON CONFLICT (tenant, environment) DO UPDATE SET from_us = excluded.from_us, before_us = excluded.before_us, entry = excluded.entry,
  entries = excluded.entries, payloads = excluded.payloads, after_sequence = p.cleared_to, cleared_to = NULL
WHERE p.cleared_to IS NOT NULL AND p.before_us < excluded.before_us;
