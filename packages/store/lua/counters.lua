-- A counter is a hash: s settled, r reserved, v and a the version and amount (none: soft) of the newest limit seen on it.
-- rolling_24h has one hash a limit: a field for each slot, and s is their sum since slot o. What is held counts in any slot.
local MEASURE = { u = 'u', t = 't', q = 'q', U = 'u', T = 't', Q = 'q' }
local ROLLING = { U = true, T = true, Q = true }
-- Slots that are kept behind those that count: a clock may step back.
local SLOTS_BEHIND = 16

local function settledSince(key, oldest)
  local sum = '0'
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local slot = tonumber(fields[i])
    if slot and slot >= oldest then
      sum = plus(sum, fields[i + 1])
    end
  end
  return sum
end

local function look(key, kind, oldest)
  local found = redis.call('HMGET', key, 's', 'r', 'v', 'a', 'o')
  local counter = {
    key = key,
    known = (found[1] or found[2] or found[3] or found[5]) and true or false,
    s = found[1] or '0',
    r = found[2] or '0',
    v = found[3],
    a = found[4] or '',
  }
  if ROLLING[kind] and found[5] ~= oldest then
    counter.turned = true
    counter.s = settledSince(key, tonumber(oldest))
    counter.known = counter.known or redis.call('EXISTS', key) == 1
  end
  return counter
end
