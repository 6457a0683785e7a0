-- The first and the last hour that anything was used in: two steps into an index. $1 tenant
SELECT min(hour) AS first, max(hour) AS last FROM usage_by_workload WHERE tenant = $1;
