-- A process that had laid down for an epoch may be counted in it, and have ended calls since that its counters never heard of: where it did
-- not end cleanly, whoever follows it owes.
-- $1 id, $2 instance, $3 name, $4 pid, $5 roles, $6 version, $7 address, $8 owes where the node is not known yet
INSERT INTO nodes AS n (id, instance, name, pid, roles, version, address, state, started_at, heartbeat_at, alive_since, owes)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'up', clock_timestamp(), clock_timestamp(), clock_timestamp(), $8)
ON CONFLICT (id) DO UPDATE SET
  instance = excluded.instance, name = excluded.name, pid = excluded.pid, roles = excluded.roles, version = excluded.version,
  address = excluded.address, state = 'up', started_at = excluded.started_at, heartbeat_at = excluded.heartbeat_at,
  alive_since = excluded.alive_since, owes = n.owes OR (n.state <> 'stopped' AND n.acknowledged <> 0), acknowledged = 0, entered = 0, configuration_version = 0, configuration_recorded = 0,
  spool_bytes = 0, in_flight = 0, pending_reservations = 0, untold = 0;
