-- expand
-- Who used what of one customer, feature or model, whatever else is asked: without these all hours of the range are read. Many rows have the
-- same customer and hour, so that an index is a fortieth of its table, and a new row goes where the one before it went.
CREATE INDEX usage_hourly_by_customer ON usage_hourly (tenant, customer, hour) WHERE customer IS NOT NULL;
CREATE INDEX usage_hourly_by_feature ON usage_hourly (tenant, feature, hour) WHERE feature IS NOT NULL;
CREATE INDEX usage_hourly_by_model ON usage_hourly (tenant, model, hour) WHERE model IS NOT NULL;

-- Limits of a kind of scope, among a million of others.
CREATE INDEX limits_by_kind ON limits (tenant, environment, split_part(scope, ':', 1), id);
