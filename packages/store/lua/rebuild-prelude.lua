-- Of one rebuild alone: a server that forgets these texts while it runs was restarted or replaced, and the rebuild fails.
-- KEYS[1] the tenant's fence
local EPOCH, ATTEMPT = '@EPOCH@', '@ATTEMPT@'
local MARK = 'rebuilding ' .. EPOCH .. ' ' .. ATTEMPT
local found = redis.call('HGET', KEYS[1], 'epoch')
