-- $1 tenant, $2 id, $3 seconds after which a silent one has ended
SELECT from_sequence, to_sequence, began_at, walked, entries, ended_at, answer,
  ended_at IS NULL AND heard_at <= now() - make_interval(secs => $3::integer) AS silent
FROM ledger_walks WHERE tenant = $1 AND id = $2;
