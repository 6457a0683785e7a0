-- What reserve and extend share: all limits, or none.
-- KEYS[2…] the counters. From ARGV[11] on four for each: kind, version (none: the amount is this call's own), amount (none: soft),
-- milliseconds that the counter is kept (none: for ever; with a plus: also where it is there already)
local FIRST = 10

local function turn(counter, oldest)
  redis.call('HSET', counter.key, 's', counter.s, 'o', oldest)
  local fields = redis.call('HKEYS', counter.key)
  for i = 1, #fields do
    local slot = tonumber(fields[i])
    if slot and slot < oldest - SLOTS_BEHIND then
      redis.call('HDEL', counter.key, fields[i])
    end
  end
end

-- Takes a newer version of the limit; an older one changes nothing, and is held to the newer.
local function adopt(counter, version, amount)
  if version == '' then
    counter.amount = amount
  elseif counter.v and tonumber(counter.v) > tonumber(version) then
    counter.newer, counter.version, counter.amount = true, counter.v, counter.a
  else
    counter.amount = amount
    if counter.v ~= version then
      counter.version = version
      if counter.known then
        redis.call('HSET', counter.key, 'v', version, 'a', amount)
      end
    end
  end
end

-- The counters, or nil and the answer that refuses.
local function admitted(more, oldest)
  local counters = {}
  for i = 2, #KEYS do
    local at = FIRST + (i - 2) * 4
    local kind = ARGV[at + 1]
    local counter = look(KEYS[i], kind, oldest)
    if counter.known and counter.turned then
      turn(counter, oldest)
    end
    adopt(counter, ARGV[at + 2], ARGV[at + 3])
    counter.kind, counter.kept, counter.more = kind, ARGV[at + 4], more[MEASURE[kind]]
    if counter.amount ~= '' and above(counter.s, counter.r, counter.more, counter.amount) then
      return nil, { 'refused', tostring(i - 2), counter.s, counter.r, counter.newer and counter.version or '', counter.amount }
    end
    if above(counter.r, counter.more, '0', MOST) then
      return nil, { 'overflow', KEYS[i] }
    end
    counters[i - 1] = counter
  end
  return counters
end

-- Must succeed from here on. The answer: settled and reserved of each; then, where a newer limit is in force, which, version, amount.
local function held(counters, oldest)
  local answer, newer = { 'reserved' }, {}
  for i, counter in ipairs(counters) do
    redis.call('HINCRBY', counter.key, 'r', counter.more)
    if not counter.known then
      if counter.version then
        redis.call('HSET', counter.key, 'v', counter.version, 'a', counter.amount)
      end
      if ROLLING[counter.kind] then
        redis.call('HSET', counter.key, 's', '0', 'o', oldest)
      end
    end
    if counter.kept ~= '' then
      local longer = string.byte(counter.kept) == 43
      local ms = longer and string.sub(counter.kept, 2) or counter.kept
      if not counter.known then
        redis.call('PEXPIRE', counter.key, ms)
      elseif counter.turned or longer then
        redis.call('PEXPIRE', counter.key, ms, 'GT')
      end
    end
    answer[#answer + 1] = counter.s
    answer[#answer + 1] = plus(counter.r, counter.more)
    if counter.newer then
      newer[#newer + 1] = { tostring(i - 1), counter.version, counter.amount }
    end
  end
  for _, limit in ipairs(newer) do
    for j = 1, 3 do
      answer[#answer + 1] = limit[j]
    end
  end
  return answer
end
