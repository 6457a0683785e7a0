-- expand
-- Of a row, under a key of the master key's: what the nightly verification goes on from cannot be written by whoever has the database
-- alone. NULL = of a release before; then the chain is walked from its first entry.
ALTER TABLE ledger_verifications ADD COLUMN mac bytea;
