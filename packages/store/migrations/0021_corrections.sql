-- expand
-- What an entry says of calls, in one place for all reports. Types: 2 settled, 4 released, 5 recorded, 6 correction; flags of a correction:
-- 64 takes an entry back whole, 128 says it anew.

-- How many calls it says were let through.
CREATE FUNCTION calls_of_entry(type smallint, flags integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN type IN (2, 4, 5) THEN 1 WHEN type <> 6 THEN 0 WHEN flags & 64 <> 0 THEN -1 WHEN flags & 128 <> 0 THEN 1 ELSE 0 END;

-- Ids of the two corrections of an entry: its own with e, or f, for the version of the UUID.
CREATE FUNCTION taken_back_id(entry_id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN overlay(entry_id::text PLACING 'e' FROM 15)::uuid;
CREATE FUNCTION restated_id(entry_id uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN overlay(entry_id::text PLACING 'f' FROM 15)::uuid;

-- Of a call that ended elsewhere than at its node: another one swept it, or recorded the usage of its check. The row stays, so that the node that has
-- its end in a spool still knows its intent when it comes back.
ALTER TABLE open_calls ADD COLUMN ended_at timestamptz;
CREATE INDEX open_calls_by_decision ON open_calls (decision);
