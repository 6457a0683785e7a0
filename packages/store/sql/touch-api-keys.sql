-- Last uses, all of a minute in one statement; a clock that was set back takes none away. $1 tenant, $2 ids, $3 times in milliseconds
UPDATE api_keys SET last_used_at = greatest(api_keys.last_used_at, to_timestamp(used.ms / 1000.0))
FROM unnest($2::text[], $3::float8[]) AS used (id, ms)
WHERE api_keys.tenant = $1 AND api_keys.id = used.id;
