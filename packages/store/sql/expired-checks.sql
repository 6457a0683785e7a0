SELECT decision, provider, model, reserved_usd, checked_at, expired_at FROM expired_checks
WHERE tenant = $1 AND environment = $2 AND recorded_by IS NULL AND decision < $3
ORDER BY decision DESC LIMIT $4;
