SELECT intent, reserved_usd, reserved_tokens FROM open_calls WHERE node = $1;
