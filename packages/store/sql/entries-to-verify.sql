-- A page of a chain as one value: the rows one behind the other, in PostgreSQL's own binary form of a record (stored-rows.ts reads it). A
-- row each, with its projection as texts, cost twice as much on both sides: parsing 24 texts an entry, and clearing them away again.
-- A page ends by its bytes as well, with its first entry always in it; summed over bodies alone, because a window over whole rows copies
-- them. The columns behind the first four are those of projection.ts, in its order. $1 tenant, $2 from, $3 to, $4 rows, $5 bytes
SELECT string_agg(record_send(page), ''::bytea) AS bytes, max(page.sequence) AS last
FROM (
  SELECT sequence, body, entry_hash, mac, entry_id, ref_id, type, flags,
    time_us, amount_nano, usage_source, environment, provider, model, endpoint, key,
    session, agent, feature, service, user_pseudonym, team, customer, reason,
    status, input_tokens, output_tokens, blocked_calls
  FROM ledger_entries
  WHERE tenant = $1 AND sequence >= $2 AND sequence <= (
    SELECT max(sized.sequence) FROM (
      SELECT sequence, sum(octet_length(body)) OVER (ORDER BY sequence) - octet_length(body) AS before
      FROM ledger_entries WHERE tenant = $1 AND sequence BETWEEN $2 AND $3 ORDER BY sequence LIMIT $4
    ) AS sized
    WHERE before < $5
  )
  ORDER BY sequence
) AS page;
