-- Of every environment of a tenant, before when calls have no details; NULL = all have. $1 tenant
SELECT e.name AS environment, p.before_us, p.before_us IS NOT NULL AND p.cleared_to IS NULL AS removing
FROM environments AS e LEFT JOIN purged_details AS p ON p.tenant = e.tenant AND p.environment = e.name
WHERE e.tenant = $1;
