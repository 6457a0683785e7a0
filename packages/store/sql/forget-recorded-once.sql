DELETE FROM recorded_once WHERE recorded_at < $1;
