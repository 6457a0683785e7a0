-- expand
-- Timed work of the whole installation (checkpoints, sweeping, what is kept for a time only): one process at a time does it, by
-- PostgreSQL's clock.
CREATE TABLE job_turn (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  node uuid,
  until timestamptz NOT NULL
);
INSERT INTO job_turn (until) VALUES ('-infinity');
