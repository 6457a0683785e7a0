-- Names that were taken and under which nothing was recorded. $1 tenant, $2 environment, $3 names
DELETE FROM recorded_once
WHERE tenant = $1 AND environment = $2 AND answer = '' AND name IN (SELECT decode(given, 'hex') FROM unnest($3::text[]) AS given);
