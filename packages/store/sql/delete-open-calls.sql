DELETE FROM open_calls WHERE node = $1 AND decision = ANY ($2::uuid[]);
