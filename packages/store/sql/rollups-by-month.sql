-- Each roll-up that is in partitions of a month (migrations/0020).
SELECT rollup FROM rollups_by_month();
