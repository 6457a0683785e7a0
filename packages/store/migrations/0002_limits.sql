-- The limits in force, and every version that ever was.

CREATE TABLE limits (
  tenant uuid NOT NULL REFERENCES tenants (id),
  environment text NOT NULL,
  id text NOT NULL,
  scope text NOT NULL,
  measure text NOT NULL CHECK (measure IN ('usd', 'tokens', 'requests')),
  -- Nano-dollars for usd, else whole tokens or requests.
  amount bigint NOT NULL CHECK (amount >= 0),
  window_kind text NOT NULL CHECK (window_kind IN ('minute', 'hour', 'day', 'month', 'rolling_24h', 'lifetime')),
  time_zone text NOT NULL,
  mode text NOT NULL CHECK (mode IN ('hard', 'soft')),
  version integer NOT NULL CHECK (version >= 1),
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);
CREATE INDEX limits_by_environment ON limits (tenant, environment, id);

-- A deleted limit's last version has no amount and no mode.
CREATE TABLE limit_versions (
  tenant uuid NOT NULL,
  id text NOT NULL,
  version integer NOT NULL,
  environment text NOT NULL,
  scope text NOT NULL,
  measure text NOT NULL,
  amount bigint,
  window_kind text NOT NULL,
  time_zone text NOT NULL,
  mode text,
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, id, version)
);
