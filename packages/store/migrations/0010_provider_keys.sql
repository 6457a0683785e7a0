-- A tenant's own provider keys. Sealed under a key that is derived for the tenant, and bound to the row they stand in: what is
-- copied to another row, or whose row says something else than it did, cannot be opened.

CREATE TABLE provider_keys (
  tenant uuid NOT NULL REFERENCES tenants (id),
  environment text NOT NULL,
  provider text NOT NULL,
  -- `pkey_…`; another one for each secret.
  id text NOT NULL,
  -- Scheme, host and port that the secret may be sent to.
  origin text NOT NULL,
  -- NULL: deleted. The row stays, so that no later secret has a version that somebody read before.
  sealed bytea CHECK (length(sealed) > 29),
  fingerprint text CHECK ((sealed IS NULL) = (fingerprint IS NULL)),
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  version integer NOT NULL CHECK (version >= 1),
  PRIMARY KEY (tenant, environment, provider),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);
