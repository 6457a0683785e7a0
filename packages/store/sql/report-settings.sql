-- For one report's transaction: sums of a million groups in memory rather than on disk; no compiling, which takes longer than it
-- gains here; a cursor that is read to its end.
SELECT set_config('work_mem', '96MB', true), set_config('jit', 'off', true), set_config('cursor_tuple_fraction', '1', true),
  set_config('transaction_read_only', 'on', true);
