-- contract: each roll-up is another table from here on, and a recorder of the release before would write to the old one beside it.
-- Roll-ups in partitions of a month, UTC: a month is dropped, moved or vacuumed by itself, and its indexes fit the memory. The rows that
-- are there stay where they are: each old table becomes the first partition, of everything before. Nothing is written anew.
-- What they are called by, and what is written to them, stays as it was.

-- `seconds`: of one unit of the column that says when.
CREATE FUNCTION rollups_by_month() RETURNS TABLE (rollup text, period text, seconds bigint) LANGUAGE sql IMMUTABLE AS $$
  VALUES ('usage_hourly', 'hour', 3600::bigint), ('usage_by_workload', 'hour', 3600), ('usage_by_workload_daily', 'day', 86400),
    ('usage_by_session', 'day', 86400), ('usage_by_user_feature', 'day', 86400), ('usage_by_user_monthly', 'month', 3600),
    ('usage_by_customer', 'day', 86400), ('usage_by_customer_model', 'month', 3600), ('usage_by_customer_feature', 'month', 3600)
$$;

-- Where a month begins, in units of so many seconds since 1970; `ahead` months after the one that `at` is in.
CREATE FUNCTION month_start(at timestamptz, ahead integer, seconds bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT (extract(epoch FROM date_trunc('month', at AT TIME ZONE 'UTC') + make_interval(months => ahead)) / seconds)::bigint
$$;

-- A partition is reached through its roll-up alone, whose policies and privileges are those that PostgreSQL then asks for. The owner is held
-- to policies too, and moves rows between partitions.
CREATE FUNCTION guard_partition(guarded regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', guarded);
  EXECUTE format('DROP POLICY IF EXISTS one_tenant ON %s', guarded);
  EXECUTE format('DROP POLICY IF EXISTS installation ON %s', guarded);
  EXECUTE format('CREATE POLICY installation ON %s TO tollhouse_installation USING (true)', guarded);
  EXECUTE format('REVOKE ALL ON %s FROM tollhouse_app, tollhouse_installation', guarded);
END $$;

-- Makes the months of a roll-up up to so many ahead of now, and returns how many it made. Rows of months that nobody had made in time are in
-- the partition of all others: they are moved. Acts as the owner of the tables, because only an owner adds partitions. Waits for
-- nobody for long: a report that still reads would hold up the recorder behind this.
CREATE FUNCTION add_rollup_months(of_rollup text, ahead integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
  at_column text;
  unit bigint;
  done bigint;
  upto bigint;
  fresh text;
  made integer := 0;
BEGIN
  SELECT period, seconds INTO STRICT at_column, unit FROM rollups_by_month() WHERE rollup = of_rollup;
  EXECUTE format('LOCK TABLE %I IN SHARE UPDATE EXCLUSIVE MODE', of_rollup);
  SELECT max(substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \(''(-?\d+)''\)')::bigint) INTO STRICT done
  FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = of_rollup::regclass;
  WHILE done < month_start(now(), ahead + 1, unit) LOOP
    upto := month_start(to_timestamp(done * unit), 1, unit);
    fresh := of_rollup || to_char(to_timestamp(done * unit) AT TIME ZONE 'UTC', '"_"YYYY"_"MM');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) WITH (fillfactor = 80)', fresh, of_rollup);
    PERFORM guard_partition(fresh::regclass);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', of_rollup || '_others');
    EXECUTE format('WITH moved AS (DELETE FROM %I WHERE %I >= $1 AND %2$I < $2 RETURNING *) INSERT INTO %I SELECT * FROM moved',
      of_rollup || '_others', at_column, fresh) USING done, upto;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', of_rollup, fresh, done, upto);
    done := upto;
    made := made + 1;
  END LOOP;
  RETURN made;
END $$;
REVOKE EXECUTE ON FUNCTION add_rollup_months, guard_partition FROM PUBLIC;
GRANT EXECUTE ON FUNCTION add_rollup_months TO tollhouse_installation;

-- The month that runs belongs to the first partition as a whole: its rows are there already.
DO $$
DECLARE
  named record;
  newest bigint;
  ends bigint;
BEGIN
  FOR named IN SELECT * FROM rollups_by_month() LOOP
    EXECUTE format('SELECT max(%I) FROM %I', named.period, named.rollup) INTO newest;
    ends := month_start(greatest(now(), to_timestamp(newest * named.seconds)), 1, named.seconds);
    EXECUTE format('ALTER TABLE %I RENAME TO %I', named.rollup, named.rollup || '_before');
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (%I)', named.rollup, named.rollup || '_before', named.period);
    PERFORM guard_tenant_table(named.rollup::regclass, 'SELECT');
    PERFORM guard_partition((named.rollup || '_before')::regclass);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%s)', named.rollup, named.rollup || '_before', ends);
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT WITH (fillfactor = 80)', named.rollup || '_others', named.rollup);
    PERFORM guard_partition((named.rollup || '_others')::regclass);
    PERFORM add_rollup_months(named.rollup, 1);
  END LOOP;
END $$;
