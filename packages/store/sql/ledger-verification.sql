-- $1 tenant
SELECT verified_to, looked_at, whole_at, first_bad_sequence, problem, mac FROM ledger_verifications WHERE tenant = $1;
