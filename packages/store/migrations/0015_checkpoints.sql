-- Signed heads of each chain's tree (docs/ledger-format.md). A checkpoint that was given away cannot be taken back, so none is changed.
CREATE TABLE ledger_checkpoints (
  tenant uuid NOT NULL,
  -- Entries covered: 1 to this one.
  size bigint NOT NULL CHECK (size >= 1),
  root bytea NOT NULL CHECK (octet_length(root) = 32),
  -- The signed note, as it was published.
  note text NOT NULL,
  made_at timestamptz NOT NULL DEFAULT now(),
  -- Kept for ever, whatever a later retention does with the others.
  first_of_month boolean NOT NULL,
  PRIMARY KEY (tenant, size)
);
CREATE INDEX ledger_checkpoints_by_time ON ledger_checkpoints (tenant, made_at);

-- Roots of whole subtrees of 256, 65,536, … leaves: a proof over ten million entries reads some hundred hashes and no more, a
-- checkpoint reads what came since the last. Their lower levels are hashed again from the entries.
CREATE TABLE ledger_subtrees (
  tenant uuid NOT NULL,
  level smallint NOT NULL CHECK (level > 0 AND level % 8 = 0),
  index bigint NOT NULL CHECK (index >= 0),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (tenant, level, index)
);

CREATE TRIGGER ledger_checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_checkpoints
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER ledger_subtrees_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_subtrees
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

SELECT guard_tenant_table('ledger_checkpoints', 'SELECT, INSERT'), guard_tenant_table('ledger_subtrees', 'SELECT, INSERT');
REVOKE UPDATE, DELETE, TRUNCATE ON ledger_checkpoints, ledger_subtrees FROM tollhouse_installation;
