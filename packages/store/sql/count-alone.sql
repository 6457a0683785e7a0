-- One process counts by itself from now on: no epoch that was open, or is being built, has what it will admit. $1 reason
UPDATE counter_fence SET
  epoch = greatest(epoch + 1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint),
  state = 'closed', reason = $1, since = clock_timestamp(), changed_by = NULL, builder = NULL;
