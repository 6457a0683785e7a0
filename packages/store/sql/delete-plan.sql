-- $1 tenant, $2 environment, $3 name. Refused by the database while anybody is on it.
DELETE FROM plans WHERE tenant = $1 AND environment = $2 AND name = $3;
