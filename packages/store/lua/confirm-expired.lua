-- ARGV[4…] ids
for i = 4, #ARGV do
  if redis.call('HGET', PREFIX .. 'r:' .. ARGV[i], 'state') ~= 'pending' then
    redis.call('ZREM', PREFIX .. 'deadlines', ARGV[i])
  end
end
return { 'confirmed' }
