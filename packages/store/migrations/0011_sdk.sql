-- Calls that an SDK makes itself: check, call, record.

-- Records that must be made once: what was sent under which name, and what was answered. Written with the entry.
CREATE TABLE recorded_once (
  tenant uuid NOT NULL,
  environment text NOT NULL,
  -- SHA-256 of the key of Tollhouse and the idempotency key, or of the check.
  name bytea NOT NULL CHECK (length(name) = 32),
  body bytea NOT NULL CHECK (length(body) = 32),
  answer text NOT NULL,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, environment, name)
);
CREATE INDEX recorded_once_by_time ON recorded_once (recorded_at);

-- Checks that held an amount and were not recorded in time. Recorded later, they are no longer listed.
CREATE TABLE expired_checks (
  tenant uuid NOT NULL,
  environment text NOT NULL,
  decision uuid NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  reserved_usd bigint NOT NULL,
  checked_at timestamptz NOT NULL,
  expired_at timestamptz NOT NULL,
  -- The entry of usage that was recorded after all.
  recorded_by uuid,
  PRIMARY KEY (tenant, decision)
);
CREATE INDEX expired_checks_unconfirmed ON expired_checks (tenant, environment, decision) WHERE recorded_by IS NULL;

-- Texts of requests and answers: only where an environment has them switched on, apart from everything else, and for a time.
CREATE TABLE payload_settings (
  tenant uuid NOT NULL,
  environment text NOT NULL,
  enabled boolean NOT NULL,
  retention_days integer NOT NULL CHECK (retention_days BETWEEN 1 AND 365),
  version integer NOT NULL CHECK (version >= 1),
  PRIMARY KEY (tenant, environment),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);
CREATE TABLE payloads (
  tenant uuid NOT NULL,
  environment text NOT NULL,
  -- Of the call, which the ledger has under the same id.
  decision uuid NOT NULL,
  -- AES-256-GCM under the tenant's own key: nonce, tag, ciphertext.
  sealed bytea NOT NULL,
  stored_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, decision)
);
CREATE INDEX payloads_by_expiry ON payloads (expires_at);
