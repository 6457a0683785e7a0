-- The place of a spool's recorder, behind every commit of the process before: PostgreSQL may still be at one that a killed process had sent, and
-- its row, even one that it is only making, is waited for. $1 node
INSERT INTO spool_positions (node, start_segment, start_offset, done_segment, done_offset, floods)
VALUES ($1, 0, 0, 0, 0, '{}')
ON CONFLICT (node) DO UPDATE SET updated_at = now()
RETURNING start_segment, start_offset, done_segment, done_offset, floods;
