-- Adds to settled amounts: all of them, or none. A change: { key, slot or false, amount }. True: an amount would leave 64 bits.
local function addSettled(changes)
  local done = {}
  local function add(key, field, amount)
    local result = redis.pcall('HINCRBY', key, field, amount)
    if type(result) == 'table' and result.err then
      for i = #done, 1, -1 do
        redis.call('HINCRBY', done[i][1], done[i][2], negated(done[i][3]))
      end
      return true
    end
    done[#done + 1] = { key, field, amount }
    return false
  end
  for _, change in ipairs(changes) do
    local key, slot, amount = change[1], change[2], change[3]
    if amount ~= '0' then
      if slot then
        if add(key, slot, amount) then
          return true
        end
        local oldest = redis.call('HGET', key, 'o')
        if oldest and tonumber(slot) >= tonumber(oldest) and add(key, 's', amount) then
          return true
        end
      elseif add(key, 's', amount) then
        return true
      end
    end
  end
  return false
end
