-- ARGV[5] now. It stays among those that are overdue until somebody says that it is written down. Of one that has ended otherwise the
-- answer is how, and at what.
local AGAIN_AFTER_MS = 60000
if state == 'pending' and tonumber(was[6]) > tonumber(ARGV[5]) then
  return { 'kept' }
elseif state == 'pending' then
  local failed = count(holds, true)
  if failed then
    return failed
  end
  finish('expired', holds)
elseif state ~= 'expired' then
  return { state, holds.u, holds.t, holds.q, was[5] or '' }
end
redis.call('ZADD', PREFIX .. 'deadlines', string.format('%.0f', ARGV[5] + AGAIN_AFTER_MS), ARGV[4])
return { 'expired', holds.u, holds.t, holds.q, was[5] or '' }
