-- $1 tenant, $2 environment, $3 user or customer, $4 which, $5 plan
INSERT INTO plan_assignments (tenant, environment, holder, value, plan) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, environment, holder, value) DO UPDATE SET plan = excluded.plan;
