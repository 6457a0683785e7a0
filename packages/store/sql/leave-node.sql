-- $1 id, $2 instance, $3 is there nothing left that is not in the database, and in the counters?
UPDATE nodes SET state = 'stopped', owes = owes AND NOT $3, entered = 0, acknowledged = 0, in_flight = 0
WHERE id = $1 AND instance = $2;
