INSERT INTO retention_settings (tenant, environment, detail_months, version) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, environment) DO UPDATE SET detail_months = excluded.detail_months, version = excluded.version
WHERE retention_settings.version = excluded.version - 1
RETURNING version;
