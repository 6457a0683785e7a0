-- A page of who is on which plan. $1 tenant, $2 environment, $3 users or customers, $4 after this one, $5 rows
SELECT value, plan FROM plan_assignments WHERE tenant = $1 AND environment = $2 AND holder = $3 AND value > $4 ORDER BY value LIMIT $5;
