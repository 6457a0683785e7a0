-- ARGV as in reserve.lua, but 6–8 is what it shall hold in all: an extension that is repeated, or comes late, adds nothing twice.
local reservation = PREFIX .. 'r:' .. ARGV[4]
local was = redis.call('HMGET', reservation, 'state', 'u', 't', 'q')
if was[1] ~= 'pending' then
  return { 'ended', was[1] or 'unknown' }
end
local more = { u = beyond(ARGV[6], was[2]), t = beyond(ARGV[7], was[3]), q = beyond(ARGV[8], was[4]) }
local counters, refusal = admitted(more, ARGV[9])
if not counters then
  return refusal
end
local answer = held(counters, ARGV[9])
redis.call('HSET', reservation, 'u', plus(was[2], more.u), 't', plus(was[3], more.t), 'q', plus(was[4], more.q))
return answer
