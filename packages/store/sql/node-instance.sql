SELECT replace(instance::text, '-', '') AS instance FROM nodes WHERE id = $1;
