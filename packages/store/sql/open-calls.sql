SELECT intent, reserved_usd, reserved_tokens, ended_at IS NOT NULL AS ended FROM open_calls WHERE node = $1;
