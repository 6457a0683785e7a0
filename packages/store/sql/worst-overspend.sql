-- What a process alone kept, and what each node of several saw.
SELECT greatest(
  (SELECT value::bigint FROM installation WHERE name = 'worst_overspend'), (SELECT max(overspend_max) FROM nodes), 0) AS amount;
