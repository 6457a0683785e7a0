SELECT epoch, state, reason, since, opened, replace(changed_by::text, '-', '') AS changed_by, replace(builder::text, '-', '') AS builder
FROM counter_fence;
