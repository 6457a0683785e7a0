-- Policies with every version that ever was, plans, and who is on which. Documents are text and not jsonb, which refuses the escaped
-- NUL that a name may have; nothing looks into them here.

CREATE TABLE policies (
  tenant uuid NOT NULL REFERENCES tenants (id),
  environment text NOT NULL,
  id text NOT NULL,
  version integer NOT NULL CHECK (version >= 1),
  -- As the control API takes it: without id, version and time.
  document text NOT NULL,
  -- Of this version: among equals the newest policy wins.
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, environment, id),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);

-- A deleted policy's last version has no document.
CREATE TABLE policy_versions (
  tenant uuid NOT NULL REFERENCES tenants (id),
  environment text NOT NULL,
  id text NOT NULL,
  version integer NOT NULL,
  document text,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant, environment, id, version)
);

CREATE TABLE plans (
  tenant uuid NOT NULL REFERENCES tenants (id),
  environment text NOT NULL,
  name text NOT NULL,
  description text NOT NULL,
  version integer NOT NULL CHECK (version >= 1),
  PRIMARY KEY (tenant, environment, name),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);

CREATE TABLE plan_assignments (
  tenant uuid NOT NULL REFERENCES tenants (id),
  environment text NOT NULL,
  holder text NOT NULL CHECK (holder IN ('user', 'customer')),
  value text NOT NULL,
  plan text NOT NULL,
  PRIMARY KEY (tenant, environment, holder, value),
  FOREIGN KEY (tenant, environment, plan) REFERENCES plans (tenant, environment, name)
);
CREATE INDEX plan_assignments_by_plan ON plan_assignments (tenant, environment, plan);
