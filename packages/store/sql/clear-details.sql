-- $1 tenant, $2 environment, $3 before (microseconds), $4 sequences
SELECT entries, payloads FROM clear_details($1, $2, $3, $4);
