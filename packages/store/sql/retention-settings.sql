-- Of all tenants: environments that do not keep details for ever, and those in which a month is not cleared yet.
SELECT e.tenant::text, e.name AS environment, s.detail_months
FROM environments AS e
LEFT JOIN retention_settings AS s ON s.tenant = e.tenant AND s.environment = e.name
LEFT JOIN purged_details AS p ON p.tenant = e.tenant AND p.environment = e.name
WHERE s.detail_months IS NOT NULL OR (p.before_us IS NOT NULL AND p.cleared_to IS NULL)
ORDER BY e.tenant, e.name;
