-- A page of calls, newest first, by keyset: the hundredth page costs what the first does.
-- $1 tenant, $2 sequences below this, $3 rows, then filters or NULL: $4 environment, $5 session, $6 the user's lookup, $7 model, $8 types
SELECT e.entry_id::text, e.sequence, e.type, e.flags, e.time_us, e.amount_nano, e.environment, e.provider, e.model, e.endpoint, e.key,
  e.session, e.agent, e.feature, e.service, coalesce(u.readable, encode(e.user_pseudonym, 'hex')) AS "user", e.team, e.customer,
  e.reason, e.status, e.usage_source, e.body, e.entry_hash, e.mac
FROM ledger_entries AS e
LEFT JOIN users AS u ON u.tenant = e.tenant AND u.pseudonym = e.user_pseudonym
WHERE e.tenant = $1 AND e.sequence < $2 AND e.type = ANY ($8)
  AND ($4::text IS NULL OR e.environment = $4)
  AND ($5::text IS NULL OR e.session = $5)
  AND ($6::bytea IS NULL OR e.user_pseudonym = (SELECT pseudonym FROM users WHERE tenant = $1 AND lookup = $6))
  AND ($7::text IS NULL OR e.model = $7)
ORDER BY e.sequence DESC
LIMIT $3;
