-- $1 node
UPDATE job_turn SET until = '-infinity' WHERE node = $1;
