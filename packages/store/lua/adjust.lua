-- KEYS[2…] counters; ARGV[4] id; then three for each: slot (none: not rolling), amount, milliseconds that a new one is kept (none: ever)
local KEPT_MS = '2764800000'
local done = PREFIX .. 'a:' .. ARGV[4]
if redis.call('EXISTS', done) == 1 then
  return { 'adjusted' }
end
local changes, fresh = {}, {}
for i = 2, #KEYS do
  local at = 4 + (i - 2) * 3
  local slot = ARGV[at + 1]
  changes[i - 1] = { KEYS[i], slot ~= '' and slot, ARGV[at + 2] }
  if ARGV[at + 3] ~= '' and redis.call('EXISTS', KEYS[i]) == 0 then
    fresh[#fresh + 1] = { KEYS[i], ARGV[at + 3] }
  end
end
if addSettled(changes) then
  return { 'overflow', ARGV[4] }
end
for _, counter in ipairs(fresh) do
  redis.call('PEXPIRE', counter[1], counter[2])
end
redis.call('SET', done, '1', 'PX', KEPT_MS)
return { 'adjusted' }
