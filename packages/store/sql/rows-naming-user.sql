-- Every row but the user's own that names a user, and whether it is in force. Documents of policies are candidates: their texts hold the id,
-- and whether they mean the user shows when they are read.
-- $1 tenant, $2 the user's scope, $3 the user, $4 the user as a JSON text has it, $5 and as a text inside a JSON text has it
SELECT 'limit' AS kind, environment, id, NULL AS version, NULL AS document, true AS in_force
FROM limits WHERE tenant = $1 AND scope = $2
UNION ALL
SELECT DISTINCT 'limit', environment, id, NULL::int, NULL, false
FROM limit_versions AS v WHERE tenant = $1 AND scope = $2
  AND NOT EXISTS (SELECT FROM limits AS l WHERE l.tenant = v.tenant AND l.id = v.id)
UNION ALL
SELECT kind, environment, id, NULL, NULL, lifted_at IS NULL FROM blocks WHERE tenant = $1 AND scope = $2
UNION ALL
SELECT 'key', environment, id, NULL, NULL, revoked_at IS NULL FROM api_keys WHERE tenant = $1 AND rules #>> '{fixed,user}' = $3
UNION ALL
SELECT 'plan_assignment', environment, plan, NULL, NULL, true
FROM plan_assignments WHERE tenant = $1 AND holder = 'user' AND value = $3
UNION ALL
SELECT 'policy', environment, id, version, document, true FROM policies
WHERE tenant = $1 AND (position($4 IN document) > 0 OR position($5 IN document) > 0)
UNION ALL
SELECT 'policy', environment, id, version, document, false FROM policy_versions AS v
WHERE tenant = $1 AND (position($4 IN document) > 0 OR position($5 IN document) > 0)
  AND NOT EXISTS (
    SELECT FROM policies AS p
    WHERE p.tenant = v.tenant AND p.environment = v.environment AND p.id = v.id AND p.version = v.version
  );
