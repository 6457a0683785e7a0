-- $1 tenant, $2 id, $3 version
SELECT document FROM policy_versions WHERE tenant = $1 AND id = $2 AND version = $3;
