-- expand
-- Verifications of chains that somebody asked for and does not wait for: how far each is, and what it found.
CREATE TABLE ledger_walks (
  tenant uuid NOT NULL,
  id uuid NOT NULL,
  from_sequence bigint NOT NULL CHECK (from_sequence >= 1),
  -- NULL = the latest, when it began.
  to_sequence bigint,
  began_at timestamptz NOT NULL DEFAULT now(),
  -- The process that walks it was there; silent for long, it has ended.
  heard_at timestamptz NOT NULL DEFAULT now(),
  -- NULL = it waits for its turn.
  walked bigint,
  entries bigint,
  ended_at timestamptz,
  -- What was found, as the API says it; NULL = it was ended before it was through.
  answer jsonb,
  PRIMARY KEY (tenant, id)
);
SELECT guard_tenant_table('ledger_walks', 'SELECT');
