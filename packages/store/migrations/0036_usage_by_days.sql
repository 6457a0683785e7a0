-- expand
-- Days of a range out of a table of months: its key is by tenant and day too, but reading it row by row costs more than reading the whole
-- table, so all of that was read. Rows are written in about the order of their days, so a summary of pages finds those that matter.
CREATE INDEX usage_by_user_feature_by_day ON usage_by_user_feature USING brin (day) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX usage_by_workload_daily_by_day ON usage_by_workload_daily USING brin (day) WITH (pages_per_range = 16, autosummarize = on);
