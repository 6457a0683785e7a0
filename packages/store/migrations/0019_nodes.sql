-- expand
-- Several processes on one database: who is there, and which epoch of the shared counters is open (docs/adr/0016). Neither is open to
-- tenants.

-- A process that has not said for this long that it lives is taken for dead. By PostgreSQL's clock: those of the nodes may differ.
CREATE FUNCTION node_lease() RETURNS interval LANGUAGE sql IMMUTABLE PARALLEL SAFE AS 'SELECT interval ''5 seconds''';

CREATE TABLE nodes (
  -- Of the spool folder: a process that is started again on it is the same node.
  id uuid PRIMARY KEY,
  -- Of the process: of two with one folder (a copied one) the later counts.
  instance uuid NOT NULL,
  name text NOT NULL,
  pid integer NOT NULL,
  roles text[] NOT NULL,
  version text NOT NULL,
  address text NOT NULL,
  state text NOT NULL CHECK (state IN ('up', 'draining', 'stopped')),
  started_at timestamptz NOT NULL,
  heartbeat_at timestamptz NOT NULL,
  -- Since when no heartbeat was a lease late: whoever was away must not take others for dead.
  alive_since timestamptz NOT NULL,
  -- The closed epoch for which this process has laid everything down; 0 = none.
  acknowledged bigint NOT NULL DEFAULT 0,
  -- The epoch in which this process counts; 0 = none.
  entered bigint NOT NULL DEFAULT 0,
  -- May there be something of this node that the counters of the open epoch do not have, unless its process runs on and tells it?
  owes boolean NOT NULL,
  configuration_version bigint NOT NULL DEFAULT 0,
  configuration_recorded bigint NOT NULL DEFAULT 0,
  spool_bytes bigint NOT NULL DEFAULT 0,
  in_flight bigint NOT NULL DEFAULT 0,
  pending_reservations bigint NOT NULL DEFAULT 0,
  -- Ends and changes that the shared counters have not been told yet.
  untold bigint NOT NULL DEFAULT 0,
  -- The most that a hard limit ever stood above its amount without an overrun, as this node saw it: must be 0.
  overspend_max bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE VIEW live_nodes AS
  SELECT * FROM nodes WHERE state <> 'stopped' AND heartbeat_at > clock_timestamp() - node_lease();

CREATE TABLE counter_fence (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  -- Each number is rebuilt at most once. At least the milliseconds since 1970, so that the epochs of a new or restored database are above
  -- all that an earlier one left in a store.
  epoch bigint NOT NULL,
  state text NOT NULL CHECK (state IN ('open', 'closed')),
  reason text NOT NULL,
  since timestamptz NOT NULL,
  -- The node that closed or opened it; NULL: nobody yet.
  changed_by uuid,
  -- The epoch that was open last, whose members a rebuild waits for.
  opened bigint NOT NULL DEFAULT 0,
  -- The node that rebuilds it now.
  builder uuid
);
INSERT INTO counter_fence (epoch, state, reason, since)
VALUES ((extract(epoch FROM clock_timestamp()) * 1000)::bigint, 'closed', 'the first start', clock_timestamp());
