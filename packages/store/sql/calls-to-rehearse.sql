-- What an environment's ledger says of calls, oldest first: a page behind the entry ($4, $5), for a rehearsal of policies. Read by time, so
-- that windows are passed once; resets ("admin_action") and corrections too, because they move counters. A call that was amended is there as
-- it was said last, and once. $1 tenant, $2 environment,
-- $3 types, $4 time in microseconds, $5 sequence, $6 end in microseconds, $7 rows
SELECT e.sequence, e.type, e.flags, e.time_us, e.amount_nano, e.body, u.lookup, u.readable
FROM (
  SELECT tenant, sequence, type, flags, time_us, amount_nano, user_pseudonym, body FROM ledger_entries AS said
  WHERE tenant = $1 AND environment = $2 AND type = ANY ($3::smallint[])
    AND time_us >= $4 AND (time_us, sequence) > ($4, $5) AND time_us < $6 AND NOT (type = 6 AND flags & 64 <> 0)
    AND NOT ((type = 4 OR flags & 32 <> 0) AND EXISTS (
      SELECT FROM ledger_entries AS back WHERE back.tenant = said.tenant AND back.entry_id = taken_back_id(said.entry_id)))
  ORDER BY time_us, sequence LIMIT $7
) AS e LEFT JOIN users AS u ON u.tenant = e.tenant AND u.pseudonym = e.user_pseudonym
ORDER BY e.time_us, e.sequence;
