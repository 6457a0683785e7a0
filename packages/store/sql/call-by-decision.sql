-- As it was said last. $1 tenant, $2 decision
SELECT e.entry_id::text, e.ref_id::text, e.sequence, e.type, e.flags, e.time_us, e.amount_nano, e.environment, e.provider, e.model, e.endpoint, e.key,
  e.session, e.agent, e.feature, e.service, coalesce(u.readable, encode(e.user_pseudonym, 'hex')) AS "user", e.team, e.customer,
  e.reason, e.status, e.usage_source, e.body, e.entry_hash, e.mac
FROM ledger_entries AS e
LEFT JOIN users AS u ON u.tenant = e.tenant AND u.pseudonym = e.user_pseudonym
WHERE e.tenant = $1 AND ((e.entry_id = $2 AND e.type IN (2, 3, 4, 5)) OR (e.entry_id = restated_id($2) AND e.type = 6))
ORDER BY e.type = 6 DESC LIMIT 1;
