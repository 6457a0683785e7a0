-- Takes names under which nobody has recorded, before anything is counted: of several nodes one gets them. A name that was taken a minute ago and
-- never recorded under is free again: its node has ended in between. Which were taken. $1 tenant, $2 environment, $3 names, $4 body
INSERT INTO recorded_once AS once (tenant, environment, name, body, answer, recorded_at)
SELECT $1, $2, decode(name, 'hex'), decode($4, 'hex'), '', clock_timestamp() FROM unnest($3::text[]) AS name ORDER BY name
ON CONFLICT (tenant, environment, name) DO UPDATE SET body = excluded.body, recorded_at = excluded.recorded_at
  WHERE once.answer = '' AND once.recorded_at < clock_timestamp() - interval '1 minute'
RETURNING encode(name, 'hex') AS name;
