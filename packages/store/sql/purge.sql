SELECT from_us, before_us, entry::text, entries, payloads, after_sequence, cleared_to FROM purged_details WHERE tenant = $1 AND environment = $2;
