SELECT encode(name, 'hex') AS name, encode(body, 'hex') AS body, answer FROM recorded_once
WHERE tenant = $1 AND environment = $2 AND answer <> '' AND name IN (SELECT decode(given, 'hex') FROM unnest($3::text[]) AS given);
