-- Writes down how an attempt ended, if the lease is still ours.
--
-- KEYS     deliveries, events, waiting, finished, told
-- ARGV     id, end of the lease, delivery, when it is due again ('' : it has ended), now,
--          finished deliveries kept, the oldest instant kept, ms after which all expires
--
-- Answers 1, or 0 if it is somebody else's by now.

local id = ARGV[1]
local lease = redis.call('ZSCORE', KEYS[3], id)
if not lease or tonumber(lease) ~= tonumber(ARGV[2]) then
  return 0
end
redis.call('HSET', KEYS[1], id, ARGV[3])
if ARGV[4] ~= '' then
  redis.call('ZADD', KEYS[3], ARGV[4], id)
else
  redis.call('ZREM', KEYS[3], id)
  redis.call('ZADD', KEYS[4], ARGV[5], id)
end

local function forget(ids)
  for _, gone in ipairs(ids) do
    redis.call('ZREM', KEYS[4], gone)
    redis.call('HDEL', KEYS[1], gone)
    redis.call('HDEL', KEYS[2], gone)
  end
end
forget(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', ARGV[7], 'LIMIT', 0, 500))
local over = redis.call('ZCARD', KEYS[4]) - tonumber(ARGV[6])
if over > 0 then
  forget(redis.call('ZRANGE', KEYS[4], 0, math.min(over, 500) - 1))
end
for i = 1, #KEYS do
  redis.call('PEXPIRE', KEYS[i], ARGV[8])
end
return 1
