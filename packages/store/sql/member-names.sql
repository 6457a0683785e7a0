-- Members by id, as colleagues know them: a name that is the e-mail address is told without its domain. $1 tenant, $2 after this id, $3 rows
SELECT id, CASE WHEN lower(name) = email THEN split_part(email, '@', 1) ELSE name END AS name
FROM members WHERE tenant = $1 AND id > $2 ORDER BY id LIMIT $3;
