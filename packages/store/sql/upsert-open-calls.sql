INSERT INTO open_calls (node, decision, intent, reserved_usd, reserved_tokens)
SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::bigint[])
ON CONFLICT (node, decision) DO UPDATE SET
  reserved_usd = excluded.reserved_usd, reserved_tokens = excluded.reserved_tokens;
