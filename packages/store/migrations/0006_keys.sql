-- Keys that Tollhouse issues. Of a secret only an HMAC under a derived key is here: a stolen table gives nothing to try guesses on.

CREATE TABLE api_keys (
  tenant uuid NOT NULL REFERENCES tenants (id),
  environment text NOT NULL,
  -- `key_` and the part of the key's text that names it.
  id text NOT NULL UNIQUE,
  hash bytea NOT NULL CHECK (length(hash) = 32),
  -- The secret before the last rotation, and until when it is valid.
  previous_hash bytea CHECK (length(previous_hash) = 32),
  previous_until timestamptz,
  -- Name, permissions, dimensions, models, rates: as the control API takes them, without the environment and the expiry.
  rules jsonb NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz,
  version integer NOT NULL CHECK (version >= 1),
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);
CREATE INDEX api_keys_by_environment ON api_keys (tenant, environment, id);
