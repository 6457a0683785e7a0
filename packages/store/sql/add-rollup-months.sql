-- $1 roll-up, $2 months ahead of now
SELECT add_rollup_months($1, $2) AS made;
