SELECT sealed, stored_at, expires_at FROM payloads
WHERE tenant = $1 AND environment = $2 AND decision = $3 AND expires_at > $4;
