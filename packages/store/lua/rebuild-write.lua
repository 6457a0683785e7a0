-- ARGV: for each command how many words it has, and then these
if found ~= MARK then
  return { 'passed', found or 'nothing' }
end
local at = 1
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + words))
  at = at + words + 1
end
redis.call('HINCRBY', KEYS[1], 'written', 1)
return { 'written' }
