-- Who this installation is, and whom it serves.

-- One row a fact: the deployment id (part of every chain's genesis), the check value of the master key, the admin key's hash.
-- Binary values are hex.
CREATE TABLE installation (
  name text PRIMARY KEY,
  value text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO installation (name, value) VALUES ('deployment_id', replace(gen_random_uuid()::text, '-', ''));

CREATE TABLE tenants (
  id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE environments (
  tenant uuid NOT NULL REFERENCES tenants (id),
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, name)
);

INSERT INTO tenants (id, name) VALUES ('00000000-0000-0000-0000-000000000001', 'default');
INSERT INTO environments (tenant, name)
  SELECT '00000000-0000-0000-0000-000000000001', name FROM unnest(ARRAY['dev', 'staging', 'prod']) AS name;
