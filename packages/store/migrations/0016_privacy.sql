-- The audit also lists rotations of MAC keys and erasures of users.
CREATE INDEX ledger_entries_by_administration ON ledger_entries (tenant, sequence) WHERE type IN (7, 8, 9);
DROP INDEX ledger_entries_by_change;
