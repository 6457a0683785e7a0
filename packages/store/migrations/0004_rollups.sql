-- What the recorder keeps beside the ledger, in the transaction that appends to it.

-- Usage by hour and every axis of a report. `row_key` is a hash of the axes: one short primary key in place of twelve columns.
CREATE TABLE usage_hourly (
  tenant uuid NOT NULL,
  -- Whole hours since 1970 UTC.
  hour bigint NOT NULL,
  row_key bytea NOT NULL,
  environment text,
  provider text,
  model text,
  key text,
  session text,
  agent text,
  feature text,
  service text,
  user_pseudonym bytea,
  team text,
  customer text,
  -- Let through, that is, settled or released.
  calls bigint NOT NULL,
  released bigint NOT NULL,
  blocked bigint NOT NULL,
  -- Settled calls for which no price was known: their cost is in no sum.
  cost_unknown bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL,
  PRIMARY KEY (tenant, hour, row_key)
) WITH (fillfactor = 80);
CREATE INDEX usage_hourly_by_session ON usage_hourly (tenant, session) WHERE session IS NOT NULL;
CREATE INDEX usage_hourly_by_user ON usage_hourly (tenant, user_pseudonym) WHERE user_pseudonym IS NOT NULL;

-- Settled sum of each counter: the fold of the entries' `counters`. Counters are rebuilt from it at the start.
CREATE TABLE counter_sums (
  tenant uuid NOT NULL,
  limit_id text NOT NULL,
  window_id text NOT NULL,
  settled bigint NOT NULL,
  -- Time of the newest call in it, milliseconds: counters of windows long over need not be loaded.
  last_ms bigint NOT NULL,
  PRIMARY KEY (tenant, limit_id, window_id)
) WITH (fillfactor = 80);

-- Where the recorder of each spool folder is. Everything before `done` is in the ledger; reading starts again at `start`, so that
-- intents still open at `done` are seen again.
CREATE TABLE spool_positions (
  node uuid PRIMARY KEY,
  start_segment bigint NOT NULL,
  start_offset bigint NOT NULL,
  done_segment bigint NOT NULL,
  done_offset bigint NOT NULL,
  -- Seconds whose blocked calls are still being counted.
  floods jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Calls open for longer than a second, with their node: they no longer hold the spool back, and another node can end them.
CREATE TABLE open_calls (
  node uuid NOT NULL,
  decision uuid NOT NULL,
  -- JSON as the spool has it. Not jsonb: that refuses the escaped NUL a client can put into a name.
  intent text NOT NULL,
  -- Held now, extensions included.
  reserved_usd bigint NOT NULL,
  reserved_tokens bigint NOT NULL,
  PRIMARY KEY (node, decision)
);
