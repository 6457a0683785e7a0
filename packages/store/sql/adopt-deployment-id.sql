-- An installation that has recorded nothing becomes the one that a ledger was written by; the check value of its master key is bound to the
-- id, and made anew. $1 deployment id
WITH forgotten AS (DELETE FROM installation WHERE name = 'master_key_check')
UPDATE installation SET value = $1 WHERE name = 'deployment_id';
