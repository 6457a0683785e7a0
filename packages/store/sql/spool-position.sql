SELECT start_segment, start_offset, done_segment, done_offset, floods FROM spool_positions WHERE node = $1;
