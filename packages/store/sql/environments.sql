-- Names of a tenant's environments. $1 tenant
SELECT name FROM environments WHERE tenant = $1 ORDER BY name;
