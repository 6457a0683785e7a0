-- $1 the amount. Only the worst is kept.
INSERT INTO installation (name, value) VALUES ('worst_overspend', $1::bigint::text)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, set_at = now() WHERE installation.value::bigint < excluded.value::bigint;
