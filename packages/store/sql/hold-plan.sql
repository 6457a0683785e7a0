-- Until the transaction ends nobody deletes it. No row: there is none. $1 tenant, $2 environment, $3 name
SELECT name FROM plans WHERE tenant = $1 AND environment = $2 AND name = $3 FOR KEY SHARE;
