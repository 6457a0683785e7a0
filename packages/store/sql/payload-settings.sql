SELECT environment, enabled, retention_days, version FROM payload_settings WHERE tenant = $1;
