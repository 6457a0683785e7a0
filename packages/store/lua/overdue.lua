-- ARGV[4] now, 5 at most. The answer: seven for each.
local answer = { 'overdue' }
for _, id in ipairs(redis.call('ZRANGEBYSCORE', PREFIX .. 'deadlines', '-inf', ARGV[4], 'LIMIT', '0', ARGV[5])) do
  local found = redis.call('HMGET', PREFIX .. 'r:' .. id, 'state', 'owner', 'deadline', 'u', 't', 'q', 'counters')
  if found[1] == 'pending' or found[1] == 'expired' then
    answer[#answer + 1] = id
    for j = 1, 7 do
      answer[#answer + 1] = found[j] or ''
    end
  else
    redis.call('ZREM', PREFIX .. 'deadlines', id)
  end
end
return answer
