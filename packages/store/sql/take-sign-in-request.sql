-- No row: it was never made, has been answered, or is too old. $1 id, $2 seconds that an answer may take
DELETE FROM sign_in_requests WHERE id = $1 RETURNING made_at, made_at > now() - make_interval(secs => $2) AS fresh;
