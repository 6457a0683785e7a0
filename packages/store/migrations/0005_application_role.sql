-- The application may connect as an owner and act as this role, which owns nothing: of the ledger it can only add and read.
DO $$
BEGIN
  CREATE ROLE tollhouse_app NOLOGIN;
EXCEPTION
  -- Roles belong to the server, not to this database: another one made it, perhaps at this moment.
  WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

GRANT USAGE ON SCHEMA public TO tollhouse_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO tollhouse_app;
REVOKE UPDATE, DELETE, TRUNCATE ON ledger_entries FROM tollhouse_app;
REVOKE INSERT, UPDATE, DELETE ON limit_versions FROM tollhouse_app;
GRANT INSERT ON limit_versions TO tollhouse_app;
REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM tollhouse_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tollhouse_app;
