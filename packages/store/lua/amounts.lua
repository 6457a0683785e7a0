-- Amounts are decimal texts of 64-bit integers. Lua's numbers are doubles: exact up to 15 digits; longer ones go in two limbs of 10^9.
local MOST = '9223372036854775807'

local function limbs(text)
  local sign = 1
  if string.byte(text) == 45 then
    sign, text = -1, string.sub(text, 2)
  end
  return sign * (tonumber(string.sub(text, 1, -10)) or 0), sign * tonumber(string.sub(text, -9))
end

-- high and low of a + b + c, with 0 <= low < 10^9
local function total(a, b, c)
  local high, low = limbs(a)
  local h, l = limbs(b)
  high, low = high + h, low + l
  h, l = limbs(c)
  high, low = high + h, low + l
  local carry = math.floor(low / 1e9)
  return high + carry, low - carry * 1e9
end

-- a + b + c > most. A sum of three short ones is exact, and far below any amount that a double only comes near to.
local function above(a, b, c, most)
  if #a < 16 and #b < 16 and #c < 16 then
    return a + b + c > tonumber(most)
  end
  local high, low = total(a, b, c)
  local h, l = total(most, '0', '0')
  return high > h or (high == h and low > l)
end

local function plus(a, b)
  if #a < 16 and #b < 16 then
    return string.format('%.0f', a + b)
  end
  local high, low = total(a, b, '0')
  local sign = ''
  if high < 0 then
    sign, high = '-', -high
    if low > 0 then
      high, low = high - 1, 1e9 - low
    end
  end
  if high == 0 then
    return string.format('%s%.0f', sign, low)
  end
  return string.format('%s%.0f%09.0f', sign, high, low)
end

local function negated(text)
  if text == '0' then
    return text
  end
  return string.byte(text) == 45 and string.sub(text, 2) or '-' .. text
end

-- a - b, or nothing where that is below it
local function beyond(a, b)
  return above(a, '0', '0', b) and plus(a, negated(b)) or '0'
end
