-- $1 id, $2 instance, $3 epoch. From here on the node owes what it counts, until a rebuild has it, or it has ended cleanly.
UPDATE nodes SET entered = $3, acknowledged = 0, owes = true FROM counter_fence AS f
WHERE id = $1 AND instance = $2 AND f.epoch = $3 AND f.state = 'open' AND (NOT owes OR entered = $3)
RETURNING 1 AS entered;
