-- expand
-- Calls without a session in the hours that stick out of whole days: without this all calls of these hours are read, and where each call names
-- its session there are none. Only rows without one are in it.
CREATE INDEX usage_hourly_without_session ON usage_hourly (tenant, hour) WHERE session IS NULL;
