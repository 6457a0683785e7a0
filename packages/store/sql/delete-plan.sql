-- Of a plan that is locked. Refused by the database while anybody is on it; no row: a policy is attached to it. Documents are text that may
-- have an escaped NUL in a name, which json keeps as it is, and jsonb refuses. $1 tenant, $2 environment, $3 name
DELETE FROM plans AS p WHERE tenant = $1 AND environment = $2 AND name = $3 AND NOT EXISTS (
  SELECT FROM policies AS y
  WHERE y.tenant = p.tenant AND y.environment = p.environment AND y.document::json -> 'attach' ->> 'plan' = p.name
) RETURNING name;
