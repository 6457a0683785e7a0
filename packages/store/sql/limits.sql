-- A page of the limits in force of an environment, by id: what the snapshot is compiled from. A row for each kind of limit, with what
-- differs between its limits as three texts of a line a limit: a row a limit costs half as much again to send and to read.
-- $1 tenant, $2 environment, $3 after this id, $4 limits
SELECT measure, window_kind, time_zone, mode, version, max(max(id)) OVER () AS last,
  string_agg(id, E'\n') AS ids, string_agg(scope, E'\n') AS scopes, string_agg(amount::text, E'\n') AS amounts,
  max(id) FILTER (WHERE strpos(scope, E'\n') > 0) AS unreadable
FROM (
  SELECT * FROM limits WHERE tenant = $1 AND environment = $2 AND id > $3 ORDER BY id LIMIT $4
) AS page
GROUP BY measure, window_kind, time_zone, mode, version;
