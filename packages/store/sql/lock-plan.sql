-- As it is now, and until the transaction ends nobody else changes or deletes it, or attaches anything to it.
-- $1 tenant, $2 environment, $3 name
SELECT version FROM plans WHERE tenant = $1 AND environment = $2 AND name = $3 FOR UPDATE;
