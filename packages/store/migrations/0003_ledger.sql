-- The chain of each tenant. `body`, `entry_hash` and `mac` are the ledger; the other columns are a projection of the body, for
-- queries, which the verifier derives again and compares. Every key starts with the tenant, so that the table can be
-- partitioned by it without a change to any statement.
CREATE TABLE ledger_entries (
  tenant uuid NOT NULL,
  sequence bigint NOT NULL CHECK (sequence >= 1),
  entry_id uuid NOT NULL,
  ref_id uuid,
  type smallint NOT NULL,
  flags integer NOT NULL,
  -- Microseconds since 1970 UTC; of a call: when it was decided, so that it falls into the windows it was held in.
  time_us bigint NOT NULL,
  amount_nano bigint NOT NULL,
  usage_source smallint NOT NULL,
  environment text,
  provider text,
  model text,
  endpoint text,
  key text,
  session text,
  agent text,
  feature text,
  service text,
  user_pseudonym bytea,
  team text,
  customer text,
  reason text,
  status integer,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  -- Calls that this entry says were blocked: 1, or those of a summary.
  blocked_calls bigint NOT NULL,
  body bytea NOT NULL,
  entry_hash bytea NOT NULL,
  mac bytea NOT NULL,
  PRIMARY KEY (tenant, sequence),
  UNIQUE (tenant, entry_id)
);
-- Reports that begin or end inside an hour, and new limits seeded with what their scope used in the window now.
CREATE INDEX ledger_entries_by_time ON ledger_entries (tenant, time_us);
-- The calls of one session or one user, newest first.
CREATE INDEX ledger_entries_by_session ON ledger_entries (tenant, session, sequence) WHERE session IS NOT NULL;
CREATE INDEX ledger_entries_by_user ON ledger_entries (tenant, user_pseudonym, sequence) WHERE user_pseudonym IS NOT NULL;

CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: % is refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER ledger_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- Readable users, beside the ledger and erasable: with the row go the salt, the name and the way to find them. The chain keeps
-- only the pseudonym, and still verifies.
CREATE TABLE users (
  tenant uuid NOT NULL,
  -- HMAC of the user id under the tenant's own secret: found again even where readable ids are not kept.
  lookup bytea NOT NULL,
  salt bytea NOT NULL,
  pseudonym bytea NOT NULL,
  readable text,
  first_seen_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant, lookup),
  UNIQUE (tenant, pseudonym)
);
