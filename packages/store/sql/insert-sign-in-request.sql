-- Those that nobody has come back with go with it. $1 id, $2 seconds that an answer may take
WITH gone AS (DELETE FROM sign_in_requests WHERE made_at < now() - make_interval(secs => $2))
INSERT INTO sign_in_requests (id) VALUES ($1);
