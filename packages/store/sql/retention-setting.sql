SELECT detail_months, version FROM retention_settings WHERE tenant = $1 AND environment = $2;
