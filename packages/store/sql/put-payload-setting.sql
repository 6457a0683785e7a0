INSERT INTO payload_settings (tenant, environment, enabled, retention_days, version) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (tenant, environment) DO UPDATE SET
  enabled = excluded.enabled, retention_days = excluded.retention_days, version = excluded.version
WHERE payload_settings.version = excluded.version - 1
RETURNING version;
