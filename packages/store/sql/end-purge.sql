-- $1 tenant, $2 environment, $3 the entry that says so, $4 its sequence
UPDATE purged_details SET cleared_to = $4 WHERE tenant = $1 AND environment = $2 AND entry = $3 AND cleared_to IS NULL;
