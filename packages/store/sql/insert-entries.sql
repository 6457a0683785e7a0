-- Entries of one batch, one array a column: a prepared shape whatever the size. A multi-row VALUES of 29 columns meets the
-- protocol's 65,535 parameters at 2,259 rows and is planned anew for each size.
INSERT INTO ledger_entries (
  tenant, sequence, entry_id, ref_id, type, flags, time_us, amount_nano,
  usage_source, environment, provider, model, endpoint, key, session, agent,
  feature, service, user_pseudonym, team, customer, reason, status, input_tokens,
  output_tokens, blocked_calls, body, entry_hash, mac
)
SELECT * FROM unnest(
  $1::uuid[], $2::bigint[], $3::uuid[], $4::uuid[], $5::smallint[],
  $6::integer[], $7::bigint[], $8::bigint[], $9::smallint[], $10::text[],
  $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
  $16::text[], $17::text[], $18::text[], $19::bytea[], $20::text[],
  $21::text[], $22::text[], $23::integer[], $24::bigint[], $25::bigint[],
  $26::bigint[], $27::bytea[], $28::bytea[], $29::bytea[]
);
