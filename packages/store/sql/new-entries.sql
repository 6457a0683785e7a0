-- What was recorded behind $2 and up to $3, for those who look on: the newest $4 calls, and the newest $5 changes, in the order of the chain.
-- Both walks end after as many rows; the tenant is $1.
SELECT e.entry_id::text, e.ref_id::text, e.sequence, e.type, e.flags, e.time_us, e.amount_nano, e.environment, e.provider, e.model, e.endpoint, e.key,
  e.session, e.agent, e.feature, e.service, coalesce(u.readable, encode(e.user_pseudonym, 'hex')) AS "user", e.team, e.customer,
  e.reason, e.status, e.usage_source, e.body, e.entry_hash, e.mac,
  coalesce(e.time_us < p.before_us AND e.type NOT IN (7, 8, 9), false) AS purged
FROM (
  (SELECT * FROM ledger_entries
   WHERE tenant = $1 AND sequence > $2 AND sequence <= $3 AND (calls_of_entry(type, flags) = 1 OR type = 3)
   ORDER BY sequence DESC LIMIT $4)
  UNION ALL
  (SELECT * FROM ledger_entries
   WHERE tenant = $1 AND sequence > $2 AND sequence <= $3 AND type IN (7, 8, 9)
   ORDER BY sequence DESC LIMIT $5)
) AS e
LEFT JOIN users AS u ON u.tenant = e.tenant AND u.pseudonym = e.user_pseudonym
LEFT JOIN purged_details AS p ON p.tenant = e.tenant AND p.environment = e.environment
ORDER BY e.sequence;
