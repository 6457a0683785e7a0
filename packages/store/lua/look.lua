-- KEYS[2…] counters; from ARGV[4] on two for each: kind, oldest slot that counts. The answer: settled, reserved, version, amount of each.
local answer = { 'seen' }
for i = 2, #KEYS do
  local at = 3 + (i - 2) * 2
  local counter = look(KEYS[i], ARGV[at + 1], ARGV[at + 2])
  answer[#answer + 1] = counter.s
  answer[#answer + 1] = counter.r
  answer[#answer + 1] = counter.v or ''
  answer[#answer + 1] = counter.a
end
return answer
