-- PostgreSQL itself keeps tenants apart, whatever a statement asks for. Two roles that own nothing:
--   tollhouse_app           acts for one tenant, named by the setting tollhouse.tenant; without it every question fails
--   tollhouse_installation  acts for all of them: the start, and the recorder
-- A table that is not guarded below gives the first of them nothing, so one that is forgotten is a failing request, not an open door.

DO $$
BEGIN
  -- Asked first: a user without CREATEROLE may be given roles that an administrator has made.
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tollhouse_installation') THEN
    CREATE ROLE tollhouse_installation NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

-- The owner of the tables is held to the policies too, and has the rights of the installation: without them the migrations after this
-- one would find every table empty, and say nothing.
DO $$
BEGIN
  IF NOT pg_has_role('tollhouse_installation', 'USAGE') THEN
    IF current_setting('server_version_num')::int >= 160000 THEN
      EXECUTE 'GRANT tollhouse_installation TO CURRENT_USER WITH INHERIT TRUE';
    ELSE
      GRANT tollhouse_installation TO CURRENT_USER;
    END IF;
  END IF;
  IF NOT pg_has_role('tollhouse_installation', 'USAGE') THEN
    RAISE EXCEPTION 'the owner of the tables must inherit its roles: ALTER ROLE % INHERIT', current_user;
  END IF;
END $$;

GRANT USAGE ON SCHEMA public TO tollhouse_installation;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO tollhouse_installation;
REVOKE UPDATE, DELETE, TRUNCATE ON ledger_entries FROM tollhouse_installation;
REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM tollhouse_installation;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tollhouse_installation;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM tollhouse_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM tollhouse_app;

-- A later migration calls this for each table it makes: SELECT guard_tenant_table('plans', 'SELECT, INSERT, UPDATE, DELETE').
-- The setting is read in a subquery, once a statement; beside the column it would be cast anew for every row.
CREATE FUNCTION guard_tenant_table(guarded regclass, may text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
  EXECUTE format(
    'CREATE POLICY one_tenant ON %s TO tollhouse_app USING (tenant = (SELECT current_setting(''tollhouse.tenant'')::uuid))',
    guarded);
  EXECUTE format('CREATE POLICY installation ON %s TO tollhouse_installation USING (true)', guarded);
  EXECUTE format('GRANT %s ON %s TO tollhouse_app', may, guarded);
END $$;
REVOKE EXECUTE ON FUNCTION guard_tenant_table FROM PUBLIC;

SELECT guard_tenant_table(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'tenant' AND NOT a.attisdropped;

-- Only the recorder writes what calls have used, and only it needs the salts of pseudonyms. A version of a limit is never changed.
REVOKE INSERT, UPDATE, DELETE ON ledger_entries, users, usage_hourly, counter_sums FROM tollhouse_app;
REVOKE UPDATE, DELETE ON limit_versions FROM tollhouse_app;
REVOKE SELECT ON users FROM tollhouse_app;
GRANT SELECT (tenant, lookup, pseudonym, readable, first_seen_at) ON users TO tollhouse_app;
REVOKE INSERT, UPDATE, DELETE ON environments FROM tollhouse_app;

-- Without a column `tenant`. Of the installation a tenant may know what its own genesis entry says; not the hash of the admin key.
ALTER TABLE tenants ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON tenants TO tollhouse_app USING (id = (SELECT current_setting('tollhouse.tenant')::uuid));
CREATE POLICY installation ON tenants TO tollhouse_installation USING (true);
GRANT SELECT ON tenants TO tollhouse_app;
ALTER TABLE installation ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON installation TO tollhouse_app USING (name = 'deployment_id');
CREATE POLICY installation ON installation TO tollhouse_installation USING (true);
GRANT SELECT ON installation TO tollhouse_app;
