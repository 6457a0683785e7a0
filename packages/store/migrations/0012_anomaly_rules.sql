-- Rules for loops, bursts and spend that is too fast. What they count is in memory; what they were is in the ledger.

CREATE TABLE anomaly_rules (
  tenant uuid NOT NULL REFERENCES tenants (id),
  environment text NOT NULL,
  id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('loop', 'burst', 'velocity')),
  per text NOT NULL CHECK (per IN ('session', 'agent', 'user')),
  -- Requests; of velocity nano-dollars a minute.
  threshold bigint NOT NULL CHECK (threshold > 0),
  window_seconds integer NOT NULL CHECK (window_seconds > 0),
  action text NOT NULL CHECK (action IN ('alert', 'freeze', 'block')),
  -- NULL: until somebody unfreezes the session.
  freeze_seconds integer CHECK (freeze_seconds > 0),
  version integer NOT NULL CHECK (version >= 1),
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);
CREATE INDEX anomaly_rules_by_environment ON anomaly_rules (tenant, environment, id);
