-- $1 tenant, $2 id, $3 version, $4 document
UPDATE policy_versions SET document = $4 WHERE tenant = $1 AND id = $2 AND version = $3 AND document IS NOT NULL;
