-- expand
-- What witnesses signed beside a checkpoint (c2sp.org/tlog-witness): that they saw this chain grow, and no other under its name. Notes are
-- read with them; the note itself stays as the ledger signed it.
CREATE TABLE ledger_cosignatures (
  tenant uuid NOT NULL,
  -- Of the checkpoint.
  size bigint NOT NULL CHECK (size >= 1),
  -- Word of the witness's public key: c2sp.org/signed-note.
  witness text NOT NULL,
  -- As it stands in a note, with its newline.
  line text NOT NULL CHECK (line LIKE E'\u2014 %\n'),
  cosigned_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, size, witness)
);
-- How far each witness has come.
CREATE INDEX ledger_cosignatures_by_witness ON ledger_cosignatures (tenant, witness, size);

CREATE TRIGGER ledger_cosignatures_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_cosignatures
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
SELECT guard_tenant_table('ledger_cosignatures', 'SELECT, INSERT');
REVOKE UPDATE, DELETE, TRUNCATE ON ledger_cosignatures FROM tollhouse_installation;
