-- $1 tenant, $2 pseudonym
DELETE FROM payloads AS p USING ledger_entries AS e
WHERE e.tenant = $1 AND e.user_pseudonym = $2 AND p.tenant = e.tenant AND p.decision = e.entry_id;
