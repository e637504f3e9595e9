-- Writes one batch of one partition, or nothing.
--
-- KEYS[1]  the partition's cursor (its slot is the slot of all keys below)
-- ARGV[1]  base of the partition's keys        ARGV[2], ARGV[3]  expected next_offset and log
-- ARGV[4], ARGV[5]  new next_offset and log    ARGV[6]  plan, msgpack (tracker/store/packing.py names its parts)
-- ARGV[7]  how many arguments of pieces follow: key, bytes, key, bytes …; after them the definitions likewise
--
-- Answers {0}, {1, next_offset, log} when the cursor is not the expected one, {2, reason} when it cannot be written.
--
-- All or nothing: Redis never rolls a script back. So phase 1 reads only, and meets there everything that could raise later
-- (types of the keys, values that are no integers, sums that are not exact); phase 2 only writes, with commands that
-- cannot fail any more. Redis itself refuses (out of memory, replica, disk) at the first write or not at all.

local base = ARGV[1]
local plan = cmsgpack.unpack(ARGV[6])
local at = plan.at
local STEP = 4000        -- Lua's unpack gives up near 8,000 values
local EXACT = 9007199254740991    -- 2^53 - 1: above it a Lua number is no longer one certain integer
local WIDE = 48          -- fields at once from which a hash is worth a table (see widened)
local call, min, unpack, tonumber = redis.call, math.min, unpack, tonumber

-- Phase 1: read and refuse ------------------------------------------------------------------------------------------------

local function is_not(suffix, wanted)
  local found = call('TYPE', base .. suffix).ok
  if found ~= 'none' and found ~= wanted then
    return {2, 'the key ' .. base .. suffix .. ' holds a ' .. found .. ' where a ' .. wanted .. ' belongs'}
  end
end

local bad = is_not(at.cursor, 'hash')
if bad then return bad end
local stored = call('HMGET', KEYS[1], 'next_offset', 'log')
local offset, log = stored[1] or '0', stored[2] or ''
if offset ~= ARGV[2] or log ~= ARGV[3] then return {1, offset, log} end

for suffix, wanted in pairs(plan.types) do
  bad = is_not(suffix, wanted)
  if bad then return bad end
end

local function known(key, names)
  local found = {}
  for from = 1, #names, STEP do
    local upto = min(from + STEP - 1, #names)
    local part = call('HMGET', key, unpack(names, from, upto))
    if from == 1 and upto == #names then return part end
    for i = 1, #part do found[from + i - 1] = part[i] end
  end
  return found
end

-- One hash's new fields: {key, flat to set, names to drop}, or nil and why not.
local function merged(part, sum)
  local key, names, values = base .. part[1], part[2], part[3]
  local old, sets, drops, s, d = known(key, names), {}, {}, 0, 0
  for i = 1, #names do
    local new = values[i]
    if old[i] then
      local before = tonumber(old[i])
      if not before or before % 1 ~= 0 then
        return nil, {2, 'the field ' .. names[i] .. ' of ' .. key .. ' is no integer'}
      end
      if sum then
        new = before + new
      elseif before > new then
        new = before
      end
    end
    if new > EXACT or new < -EXACT then
      return nil, {2, 'the field ' .. names[i] .. ' of ' .. key .. ' would leave the range of exact integers (2^53)'}
    end
    if sum and new == 0 then
      d = d + 1
      drops[d] = names[i]
    else
      sets[s + 1] = names[i]
      sets[s + 2] = new
      s = s + 2
    end
  end
  return {key, sets, drops}
end

local writes = {}
for _, part in ipairs(plan.sums) do
  writes[#writes + 1], bad = merged(part, true)
  if bad then return bad end
end
for _, part in ipairs(plan.peaks) do
  writes[#writes + 1], bad = merged(part, false)
  if bad then return bad end
end

-- Phase 2: write ----------------------------------------------------------------------------------------------------------

local function each(command, key, values, first, last)
  for from = first, last, STEP do
    call(command, key, unpack(values, from, min(from + STEP - 1, last)))
  end
end

-- Redis keeps a hash of up to 512 fields as a list, where each of n fields is found by walking: 4 us a field at 136 fields,
-- 1.4 us in a table. One value beyond hash-max-listpack-value makes a table of it, which it then stays.
local function widened(key)
  local encoding = call('OBJECT', 'ENCODING', key)
  if encoding == 'hashtable' then return end
  call('HSET', key, '~', string.rep('~', 65))
  call('HDEL', key, '~')
end

call('HSET', KEYS[1], 'next_offset', ARGV[4], 'log', ARGV[5])
for _, write in ipairs(writes) do
  local key, sets, drops = write[1], write[2], write[3]
  if #sets >= 2 * WIDE then
    call('HSET', key, sets[1], sets[2])
    widened(key)
  end
  -- Numbers go as they are: Redis writes a Lua number in 17 digits, so up to 2^53 to the last unit (tostring would not).
  each('HSET', key, sets, 1, #sets)
  each('HDEL', key, drops, 1, #drops)
end
local pieces_end = 7 + tonumber(ARGV[7])
each('HSET', base .. at.pieces, ARGV, 8, pieces_end)
each('HSET', base .. at.definitions, ARGV, pieces_end + 1, #ARGV)
for suffix, pairs_ in pairs(plan.texts) do each('HSET', base .. suffix, pairs_, 1, #pairs_) end
each('HDEL', base .. at.pieces, plan.gone, 1, #plan.gone)
for suffix, members in pairs(plan.leave) do each('SREM', base .. suffix, members, 1, #members) end
for suffix, members in pairs(plan.join) do each('SADD', base .. suffix, members, 1, #members) end
each('ZADD', base .. at.due, plan.due, 1, #plan.due)
each('ZREM', base .. at.due, plan.undue, 1, #plan.undue)
each('ZREM', base .. at.leases, plan.unleased, 1, #plan.unleased)
each('HDEL', base .. at.leased, plan.unleased, 1, #plan.unleased)
each('ZADD', base .. at.days, plan.days, 1, #plan.days)
if plan.forget then
  local before = '(' .. plan.forget
  for _, suffix in ipairs(call('ZRANGEBYSCORE', base .. at.days, '-inf', before)) do
    call('UNLINK', base .. suffix)
  end
  call('ZREMRANGEBYSCORE', base .. at.days, '-inf', before)
end
return {0}
