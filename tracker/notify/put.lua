-- Queues a delivery, unless its id is known.
--
-- KEYS     deliveries, events, waiting, finished, told
-- ARGV     id, alert, delivery, delivery that is refused, event, now, most that may wait, ms after which all expires
--
-- Answers 0 (known), 1 (queued), 2 (too many wait: written down as failed).

local id, now, lasts = ARGV[1], ARGV[6], ARGV[8]
if redis.call('HEXISTS', KEYS[1], id) == 1 then
  return 0
end
local answer = 1
if redis.call('ZCARD', KEYS[3]) < tonumber(ARGV[7]) then
  redis.call('HSET', KEYS[1], id, ARGV[3])
  redis.call('ZADD', KEYS[3], now, id)
else
  redis.call('HSET', KEYS[1], id, ARGV[4])
  redis.call('ZADD', KEYS[4], now, id)
  answer = 2
end
redis.call('HSET', KEYS[2], id, ARGV[5])
redis.call('ZADD', KEYS[5], now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', tonumber(now) - tonumber(lasts))
for i = 1, #KEYS do
  redis.call('PEXPIRE', KEYS[i], lasts)
end
return answer
