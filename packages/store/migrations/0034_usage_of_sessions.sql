-- expand
-- A row for the whole life of a session, in place of one for each of its days. Of sessions that lie inside a range nothing is left to group, and
-- grouping a million of them took a second and a half. Those that stick out of the range are summed from their hours.
CREATE TABLE usage_of_sessions (
  tenant uuid NOT NULL,
  environment text,
  -- null = calls without one, which live for a day.
  session text,
  -- Of calls without a session; null = the row of a session.
  day bigint,
  -- The whole hours since 1970 UTC of its first and its last call.
  first_hour bigint NOT NULL,
  last_hour bigint NOT NULL,
  calls bigint NOT NULL,
  released bigint NOT NULL,
  blocked bigint NOT NULL,
  cost_unknown bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost_nano bigint NOT NULL
) WITH (fillfactor = 80);

-- Nobody of this release writes days of sessions; the table goes with the next one. What the release before adds to a day belongs to a life of
-- unknown hours within it: taken as the whole day it sticks out of more ranges, and is summed from its hours there, so the answer is as exact.
CREATE FUNCTION add_day_to_session() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO usage_of_sessions AS u VALUES (NEW.tenant, NEW.environment, NEW.session, CASE WHEN NEW.session IS NULL THEN NEW.day END,
    NEW.day * 24, NEW.day * 24 + 23, NEW.calls - coalesce(OLD.calls, 0), NEW.released - coalesce(OLD.released, 0),
    NEW.blocked - coalesce(OLD.blocked, 0), NEW.cost_unknown - coalesce(OLD.cost_unknown, 0),
    NEW.input_tokens - coalesce(OLD.input_tokens, 0), NEW.output_tokens - coalesce(OLD.output_tokens, 0),
    NEW.cost_nano - coalesce(OLD.cost_nano, 0))
  ON CONFLICT (tenant, environment, session, day) DO UPDATE SET
    first_hour = least(u.first_hour, excluded.first_hour),
    last_hour = greatest(u.last_hour, excluded.last_hour),
    calls = u.calls + excluded.calls,
    released = u.released + excluded.released,
    blocked = u.blocked + excluded.blocked,
    cost_unknown = u.cost_unknown + excluded.cost_unknown,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    cost_nano = u.cost_nano + excluded.cost_nano;
  RETURN NULL;
END $$;
-- Before what is there is read: who has added to an hour and not yet to its session waits here, and is carried over afterwards.
CREATE TRIGGER usage_by_session_carried AFTER INSERT OR UPDATE ON usage_by_session FOR EACH ROW EXECUTE FUNCTION add_day_to_session();

-- What the hourly roll-up holds already, the first ones first: rows that lived at the same time lie beside each other.
INSERT INTO usage_of_sessions
SELECT tenant, environment, session, CASE WHEN session IS NULL THEN hour / 24 END AS day, min(hour) AS first_hour, max(hour), sum_whole(calls), sum_whole(released),
  sum_whole(blocked), sum_whole(cost_unknown), sum_whole(input_tokens), sum_whole(output_tokens), sum_whole(cost_nano)
FROM usage_hourly
GROUP BY tenant, environment, session, 4
ORDER BY first_hour;

-- One row each: a report does not group them again.
CREATE UNIQUE INDEX usage_of_sessions_once ON usage_of_sessions (tenant, environment, session, day) NULLS NOT DISTINCT;
-- Of a range only the blocks are read whose sessions lived in it. A summary, so that adding to a row moves nothing in an index.
CREATE INDEX usage_of_sessions_by_hours ON usage_of_sessions USING brin (first_hour, last_hour) WITH (pages_per_range = 16, autosummarize = on);

-- Only the recorder adds to it.
SELECT guard_tenant_table('usage_of_sessions', 'SELECT');
