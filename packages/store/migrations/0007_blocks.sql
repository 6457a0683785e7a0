-- What is stopped: kill switches, the blocklist, frozen sessions. Nothing is taken out: the ledger does not say which user a block
-- was for, but names the row, and a row can be erased.

CREATE TABLE blocks (
  tenant uuid NOT NULL REFERENCES tenants (id),
  environment text NOT NULL,
  id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('kill_switch', 'blocklist', 'frozen_session')),
  scope text NOT NULL,
  reason text NOT NULL,
  operator text NOT NULL,
  created_at timestamptz NOT NULL,
  -- NULL: until it is lifted.
  expires_at timestamptz,
  lifted_at timestamptz,
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);
CREATE INDEX blocks_not_lifted ON blocks (tenant, environment, id) WHERE lifted_at IS NULL;
