-- Closes every earlier epoch of the tenant. The answer: whether another attempt at this epoch may have left something.
local left = ''
if found then
  local other = string.match(found, '^rebuilding (%d+) ') or found
  if tonumber(other) > tonumber(EPOCH) or found == EPOCH then
    return { 'passed', found }
  end
  left = tonumber(other) == tonumber(EPOCH) and 'left' or ''
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', MARK, 'written', '0')
return { 'begun', left }
