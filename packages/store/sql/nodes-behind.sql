-- Names of those that may still end a call without knowing of a change, or have not recorded one that did. $1 version, $2 whoever asks: also
-- where its own heartbeat is late
SELECT name FROM nodes
WHERE configuration_recorded < $1 AND (id = $2 OR id IN (SELECT id FROM live_nodes))
ORDER BY name;
