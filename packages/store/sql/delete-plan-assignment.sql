-- $1 tenant, $2 environment, $3 user or customer, $4 which
DELETE FROM plan_assignments WHERE tenant = $1 AND environment = $2 AND holder = $3 AND value = $4;
