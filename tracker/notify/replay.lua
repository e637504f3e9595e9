-- Queues a finished delivery again, if it still stands as it was read.
--
-- KEYS     deliveries, events, waiting, finished
-- ARGV     id, delivery as it was read, delivery as it is to stand, now
--
-- Answers 1, or 0 if it changed meanwhile or its event is gone.

local id = ARGV[1]
if redis.call('HGET', KEYS[1], id) ~= ARGV[2] or redis.call('HEXISTS', KEYS[2], id) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], id, ARGV[3])
redis.call('ZREM', KEYS[4], id)
redis.call('ZADD', KEYS[3], ARGV[4], id)
return 1
