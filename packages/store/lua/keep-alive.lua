-- ARGV[4] deadline, 5 milliseconds that counters of windows which ended are kept on, 6… ids. The answer: those that are not pending.
local answer = { 'kept' }
for i = 6, #ARGV do
  local reservation = PREFIX .. 'r:' .. ARGV[i]
  local was = redis.call('HMGET', reservation, 'state', 'counters')
  if was[1] == 'pending' then
    redis.call('HSET', reservation, 'deadline', ARGV[4])
    redis.call('ZADD', PREFIX .. 'deadlines', ARGV[4], ARGV[i])
    for kind, limit, window in string.gmatch(was[2], '([^\31]*)\31([^\31]*)\31([^\31]*)\31') do
      if window ~= 'lifetime' then
        local key = PREFIX .. (ROLLING[kind] and 'w:' .. limit or 'c:' .. limit .. ':' .. window)
        redis.call('PEXPIRE', key, ARGV[5], 'GT')
      end
    end
  else
    answer[#answer + 1] = ARGV[i]
  end
end
return answer
