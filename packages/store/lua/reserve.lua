-- ARGV[4] id, 5 deadline, 6–8 dollars, tokens, requests, 9 oldest slot that counts, 10 its counters as one text, then as in admit.lua
local reservation = PREFIX .. 'r:' .. ARGV[4]
local known = redis.call('HMGET', reservation, 'state', 'counters')
if known[1] then
  return { 'known', known[1], known[2] or '' }
end
local counters, refusal = admitted({ u = ARGV[6], t = ARGV[7], q = ARGV[8] }, ARGV[9])
if not counters then
  return refusal
end
local answer = held(counters, ARGV[9])
redis.call(
  'HSET', reservation,
  'state', 'pending', 'owner', ARGV[1], 'deadline', ARGV[5],
  'u', ARGV[6], 't', ARGV[7], 'q', ARGV[8], 'counters', ARGV[10]
)
redis.call('ZADD', PREFIX .. 'deadlines', ARGV[5], ARGV[4])
return answer
