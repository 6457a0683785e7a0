INSERT INTO spool_positions (node, start_segment, start_offset, done_segment, done_offset, floods)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (node) DO UPDATE SET
  start_segment = excluded.start_segment, start_offset = excluded.start_offset,
  done_segment = excluded.done_segment, done_offset = excluded.done_offset,
  floods = excluded.floods, updated_at = now();
