-- Their sessions go with them. $1 tenant, $2 id
DELETE FROM members WHERE tenant = $1 AND id = $2;
