-- $1 tenant, $2 size, $3 witness, $4 line, $5 when. Of two of the same witness on one checkpoint the first is kept, and both are good.
INSERT INTO ledger_cosignatures (tenant, size, witness, line, cosigned_at) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING;
