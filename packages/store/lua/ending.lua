-- What settle, release and expire share. ARGV[4] is the id.
local ENDED_KEPT_MS = 600000
-- Its owner may come back with what was really used.
local EXPIRED_KEPT_MS = 2764800000
local NOTHING = { u = '0', t = '0', q = '0' }

local reservation = PREFIX .. 'r:' .. ARGV[4]
local was = redis.call('HMGET', reservation, 'state', 'u', 't', 'q', 'counters', 'deadline')
local state = was[1] or 'unknown'
local holds = { u = was[2] or '0', t = was[3] or '0', q = was[4] or '0' }

local function opposite(amounts)
  return { u = negated(amounts.u), t = negated(amounts.t), q = negated(amounts.q) }
end

local function sum(a, b)
  return { u = plus(a.u, b.u), t = plus(a.t, b.t), q = plus(a.q, b.q) }
end

-- Everything is read before anything is written: in a slot that is moving to another server, the first read fails the script.
local function countersOf(list)
  local counters, keys = {}, {}
  for kind, limit, window in string.gmatch(list, '([^\31]*)\31([^\31]*)\31([^\31]*)\31') do
    local rolling = ROLLING[kind]
    local key = PREFIX .. (rolling and 'w:' .. limit or 'c:' .. limit .. ':' .. window)
    counters[#counters + 1] = { key, rolling and window or false, MEASURE[kind] }
    keys[#keys + 1] = key
  end
  if #keys == 0 or redis.call('EXISTS', unpack(keys)) == #keys then
    return counters
  end
  -- Gone by their time to live: nobody counts in these windows any more.
  local alive = {}
  for _, counter in ipairs(counters) do
    if redis.call('EXISTS', counter[1]) == 1 then
      alive[#alive + 1] = counter
    end
  end
  return alive
end

-- `settled` is added, and what is held goes where `free` says so. The answer that says why not; nil: done.
local function count(settled, free)
  local counters = countersOf(was[5] or '')
  local changes = {}
  for i, counter in ipairs(counters) do
    changes[i] = { counter[1], counter[2], settled[counter[3]] }
  end
  if addSettled(changes) then
    return { 'overflow', ARGV[4] }
  end
  for _, counter in ipairs(free and counters or {}) do
    if redis.call('HINCRBY', counter[1], 'r', negated(holds[counter[3]])) < 0 then
      redis.log(redis.LOG_WARNING, counter[1] .. ': reserved is not the sum of what is held')
    end
  end
end

local function finish(name, amounts)
  redis.call('HSET', reservation, 'state', name, 'u', amounts.u, 't', amounts.t, 'q', amounts.q)
  if state ~= 'expired' then
    redis.call('PEXPIRE', reservation, name == 'expired' and EXPIRED_KEPT_MS or ENDED_KEPT_MS)
  end
  if name ~= 'expired' then
    redis.call('ZREM', PREFIX .. 'deadlines', ARGV[4])
  end
end
