-- expand
-- What was changed in the configuration, in the order in which it was committed: each node reads what it has not loaded yet. Neither of the
-- two tables is open to tenants.

-- One row. A change takes the next number when it commits and keeps the row until it has: whoever reads a number can read all before it,
-- which numbers of a sequence do not promise.
CREATE TABLE configuration_version (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  version bigint NOT NULL
);
INSERT INTO configuration_version (version) VALUES (0);

CREATE TABLE configuration_changes (
  id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  -- NULL only within the transaction that makes it.
  version bigint,
  -- NULL: about no tenant. Not named `tenant`: it is no row of theirs.
  of_tenant uuid,
  environment text,
  subject text NOT NULL,
  -- Which rows; NULL: too many to name them, or names that must not stay here (users are erasable). Then all are read.
  ids text[]
);
CREATE UNIQUE INDEX configuration_changes_by_version ON configuration_changes (version);

-- At the end of the transaction, so that the one row is held for the commit alone, and after every other lock: nobody waits in a circle.
CREATE FUNCTION number_configuration_change() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  next_version bigint;
BEGIN
  UPDATE configuration_version SET version = version + 1 RETURNING version INTO next_version;
  UPDATE configuration_changes SET version = next_version WHERE id = NEW.id;
  -- Who is further behind reads everything.
  DELETE FROM configuration_changes WHERE version <= next_version - 10000;
  PERFORM pg_notify('tollhouse_configuration', '');
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION number_configuration_change FROM PUBLIC;
CREATE CONSTRAINT TRIGGER number_configuration_change AFTER INSERT ON configuration_changes
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION number_configuration_change();

-- Once a statement and place, however many rows it changed. Arguments: subject; tenant, environment and id as expressions over `n`; which
-- updates count, as a condition over `n` and `o` (rows before, joined by `tenant` and `id`), or '' for all.
CREATE FUNCTION tell_configuration_change() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  filtered text := '';
BEGIN
  IF TG_OP = 'UPDATE' AND TG_ARGV[4] <> '' THEN
    filtered := 'JOIN old_rows AS o USING (tenant, id) WHERE ' || TG_ARGV[4];
  END IF;
  EXECUTE format(
    'INSERT INTO configuration_changes (of_tenant, environment, subject, ids)
     SELECT %s, %s, %L, CASE WHEN count(*) <= 1000 THEN array_agg(%s) FILTER (WHERE (%4$s) IS NOT NULL) END
     FROM new_rows AS n %s GROUP BY 1, 2',
    TG_ARGV[1], TG_ARGV[2], TG_ARGV[0], TG_ARGV[3], filtered);
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION tell_configuration_change FROM PUBLIC;

-- A later migration calls this for each table that nodes keep in memory, and tells a service of theirs to read it (apps/server/src/configuration).
CREATE FUNCTION follow_configuration(
  followed regclass, subject text, id text DEFAULT 'NULL::text', updates text DEFAULT '',
  tenant text DEFAULT 'n.tenant', environment text DEFAULT 'n.environment'
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  arguments text := format('%L, %L, %L, %L, %L', subject, tenant, environment, id, updates);
BEGIN
  EXECUTE format('CREATE TRIGGER configuration_inserted AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_configuration_change(%s)', followed, arguments);
  EXECUTE format('CREATE TRIGGER configuration_updated AFTER UPDATE ON %s REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_configuration_change(%s)', followed, arguments);
  EXECUTE format('CREATE TRIGGER configuration_deleted AFTER DELETE ON %s REFERENCING OLD TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION tell_configuration_change(%s)', followed, arguments);
END $$;
REVOKE EXECUTE ON FUNCTION follow_configuration FROM PUBLIC;

SELECT follow_configuration('tenants', 'tenants', tenant => 'n.id', environment => 'NULL::text');
SELECT follow_configuration('environments', 'tenants', environment => 'NULL::text');
SELECT follow_configuration('limits', 'limits', 'n.id');
SELECT follow_configuration('policies', 'policies', 'n.id');
SELECT follow_configuration('plans', 'plans');
SELECT follow_configuration('plan_assignments', 'plan_assignments');
SELECT follow_configuration('blocks', 'blocks', 'n.id');
-- When a key was last used is no change of it; that a user was taken out of a revoked one is.
SELECT follow_configuration('api_keys', 'keys', 'n.id', 'n.version <> o.version OR n.rules <> o.rules');
SELECT follow_configuration('provider_keys', 'provider_keys');
SELECT follow_configuration('anomaly_rules', 'anomaly_rules');
SELECT follow_configuration('payload_settings', 'payload_settings');
