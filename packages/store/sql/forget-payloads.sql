DELETE FROM payloads WHERE expires_at <= $1;
