-- ARGV[1] how many writes there must have been
if found ~= MARK or redis.call('HGET', KEYS[1], 'written') ~= ARGV[1] then
  return { 'passed', found or 'nothing' }
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', EPOCH)
return { 'opened' }
