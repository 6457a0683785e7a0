-- Verbs of installation @INSTALLATION@
-- Every verb begins with this. EPOCH is written into the text when a rebuild loads it, on every master, and the verbs are called by
-- their hash alone: a server that was restarted, or a replica that was promoted, does not know them, and nobody teaches it. Neither does
-- another installation on the same server, which has texts of its own.
-- KEYS[1] the tenant's fence: its epoch, and for each node the number of the last verb that it sent.
-- ARGV[1] node, ARGV[2] number of this verb, ARGV[3] number of the last that was acknowledged to this node
local EPOCH = '@EPOCH@'
local fence = redis.call('HMGET', KEYS[1], 'epoch', 'node:' .. ARGV[1])
if fence[1] ~= EPOCH then
  return { 'fenced', fence[1] and ('its counters are of epoch ' .. fence[1]) or 'its counters are gone' }
end
local latest = tonumber(fence[2]) or 0
if latest < tonumber(ARGV[3]) then
  return { 'fenced', 'it has lost what it acknowledged' }
end
-- Also for verbs that only read: a server that may not be written to must not answer.
if tonumber(ARGV[2]) > latest then
  redis.call('HSET', KEYS[1], 'node:' .. ARGV[1], ARGV[2])
end
local PREFIX = string.sub(KEYS[1], 1, -2) .. EPOCH .. ':'
