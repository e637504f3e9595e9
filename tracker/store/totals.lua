-- Overwrites all totals of a campaign. What is not named is gone.
--
-- KEYS[1]  totals (set of the suffixes below)     ARGV[1]  base of the campaign's keys
-- ARGV[2]  msgpack: suffix → flat list of field, value (texts: a total may be beyond Lua's exact integers)

local base, new = ARGV[1], cmsgpack.unpack(ARGV[2])
local STEP = 4000        -- Lua's unpack gives up near 8,000 values

for _, suffix in ipairs(redis.call('SMEMBERS', KEYS[1])) do redis.call('UNLINK', base .. suffix) end
redis.call('UNLINK', KEYS[1])
for suffix, flat in pairs(new) do
  redis.call('UNLINK', base .. suffix)
  redis.call('SADD', KEYS[1], suffix)
  for from = 1, #flat, STEP do
    redis.call('HSET', base .. suffix, unpack(flat, from, math.min(from + STEP - 1, #flat)))
  end
end
return 0
