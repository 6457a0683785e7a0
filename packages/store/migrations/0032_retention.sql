-- expand
-- Of calls of months that are over, who and what they were can be forgotten: the columns of their entries that name it, and texts that were
-- kept of them. The chain (body, hash, MAC), times and amounts stay, and so do the roll-ups.

-- For how many whole months behind the running one an environment keeps details; NULL = for ever.
CREATE TABLE retention_settings (
  tenant uuid NOT NULL,
  environment text NOT NULL,
  detail_months integer CHECK (detail_months BETWEEN 1 AND 1200),
  version integer NOT NULL CHECK (version >= 1),
  PRIMARY KEY (tenant, environment),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);
SELECT guard_tenant_table('retention_settings', 'SELECT, INSERT, UPDATE');

-- How far that has come. Reports ask it what they cannot answer any more; a verification does not: it goes by entries of the chain alone.
CREATE TABLE purged_details (
  tenant uuid NOT NULL,
  environment text NOT NULL,
  -- The last month that was purged, or is being: half-open, microseconds since 1970. All before it is purged too.
  from_us bigint NOT NULL,
  before_us bigint NOT NULL,
  -- The entry that says so, with these counts of the month. Only entries before it are cleared under it.
  entry uuid NOT NULL,
  entries bigint NOT NULL,
  payloads bigint NOT NULL,
  -- Entries up to here were cleared, or left, with an earlier month: of those behind it some may have come late.
  after_sequence bigint NOT NULL,
  -- Where the entry stands; NULL until everything is cleared.
  cleared_to bigint,
  PRIMARY KEY (tenant, environment),
  FOREIGN KEY (tenant, environment) REFERENCES environments (tenant, name)
);
SELECT guard_tenant_table('purged_details', 'SELECT');

-- What may be done to an entry, and by `clear_details` alone: of a call, everything that `ledger-format.md` calls a detail becomes NULL.
CREATE OR REPLACE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND current_setting('tollhouse.clears', true) = 'details' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the ledger is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE FUNCTION refuse_more_than_clearing() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  cleared ledger_entries := OLD;
BEGIN
  cleared.provider := NULL; cleared.model := NULL; cleared.endpoint := NULL; cleared.key := NULL; cleared.session := NULL;
  cleared.agent := NULL; cleared.feature := NULL; cleared.service := NULL; cleared.user_pseudonym := NULL; cleared.team := NULL;
  cleared.customer := NULL; cleared.reason := NULL; cleared.status := NULL;
  IF OLD.type NOT IN (2, 3, 4, 5, 6, 10) OR NEW IS DISTINCT FROM cleared THEN
    RAISE EXCEPTION 'the ledger is append-only: more than details would change' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_entries_details_only BEFORE UPDATE ON ledger_entries
  FOR EACH ROW EXECUTE FUNCTION refuse_more_than_clearing();

-- Acts as the owner of the table, because nobody else may change it. Clears nothing that is not of this environment, and before this time.
-- The setting is made in the body: as a part of the function only a superuser could make it.
CREATE FUNCTION clear_details(of_tenant uuid, of_environment text, before_us bigint, sequences bigint[])
RETURNS TABLE (entries bigint, payloads bigint) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM set_config('tollhouse.clears', 'details', true);
  RETURN QUERY WITH cleared AS (
    UPDATE ledger_entries SET provider = NULL, model = NULL, endpoint = NULL, key = NULL, session = NULL, agent = NULL, feature = NULL,
      service = NULL, user_pseudonym = NULL, team = NULL, customer = NULL, reason = NULL, status = NULL
    WHERE tenant = of_tenant AND sequence = ANY (sequences) AND environment = of_environment AND time_us < clear_details.before_us
    RETURNING entry_id, ref_id
  ), forgotten AS (
    DELETE FROM payloads AS p USING cleared AS c
    WHERE p.tenant = of_tenant AND (p.decision = c.entry_id OR p.decision = c.ref_id) RETURNING 1
  )
  SELECT (SELECT count(*) FROM cleared), (SELECT count(*) FROM forgotten);
  PERFORM set_config('tollhouse.clears', '', true);
END $$;
REVOKE EXECUTE ON FUNCTION clear_details FROM PUBLIC;
GRANT EXECUTE ON FUNCTION clear_details TO tollhouse_installation;
