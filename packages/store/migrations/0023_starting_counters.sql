-- expand
-- Limits and policies that are in force, and do not count yet what their scope had used before: where several processes count, all must have
-- them first. A row comes with the limit or policy, in one transaction, and goes once it is counted: what a process that ended in between
-- has left, another one counts.
CREATE TABLE starting_counters (
  tenant uuid NOT NULL,
  environment text NOT NULL,
  -- Of the limit or policy.
  id text NOT NULL,
  version integer NOT NULL,
  -- Whose default budget counts again, where it was a session's own limit that was deleted.
  session text,
  -- Of a policy: what it is the first to count. Users are not named: a slot of one is found by what the policy is attached to.
  slots text[],
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (tenant, environment, id, version)
);
SELECT guard_tenant_table('starting_counters', 'SELECT, INSERT, DELETE');
