-- Of installation @INSTALLATION@
-- A tenant that was made while the epoch is open: it has no counters yet. KEYS[1] its fence.
local EPOCH = '@EPOCH@'
local found = redis.call('HGET', KEYS[1], 'epoch')
if found and found ~= EPOCH then
  return { 'fenced', 'its counters are of epoch ' .. found }
end
redis.call('HSET', KEYS[1], 'epoch', EPOCH)
return { 'opened' }
