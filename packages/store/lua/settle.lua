-- ARGV[5–7] what was used; 8: not empty where the caller does not know the reservation's counters
local function answer(amounts)
  return { 'settled', amounts.u, amounts.t, amounts.q, ARGV[8] == '' and '' or was[5] or '' }
end
if state == 'settled' then
  return answer(holds)
end
if state ~= 'pending' and state ~= 'expired' then
  return { 'ended', state }
end
local used = { u = ARGV[5], t = ARGV[6], q = ARGV[7] }
-- An expired one was counted at what it held: only the difference is still to count.
local pending = state == 'pending'
local failed = count(pending and used or sum(used, opposite(holds)), pending)
if failed then
  return failed
end
finish('settled', used)
return answer(used)
