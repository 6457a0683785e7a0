-- expand
-- How far the nightly verification of each chain has come, and what it found last.
CREATE TABLE ledger_verifications (
  tenant uuid PRIMARY KEY,
  -- Entries 1 to this one were walked and are sound; of a chain that failed, those before the first bad one.
  verified_to bigint NOT NULL CHECK (verified_to >= 0),
  looked_at timestamptz NOT NULL,
  -- When the chain was last walked from its first entry on.
  whole_at timestamptz NOT NULL,
  first_bad_sequence bigint,
  -- NULL = nothing is wrong.
  problem text
);
SELECT guard_tenant_table('ledger_verifications', 'SELECT');
