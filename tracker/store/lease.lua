-- Takes due items of one partition: nobody else gets them before their lease ends.
--
-- KEYS[1]  due (item by ms)       KEYS[2]  leases (item by the ms when its lease ends)
-- KEYS[3]  leased (item → the ms when it was due)
-- ARGV[1]  now     ARGV[2]  how many at most     ARGV[3]  the ms when these leases end
--
-- Answers item, due, item, due …, in the order of due. An ended lease puts its item back where it was in that order.

for _, item in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, 1000)) do
  local was = redis.call('HGET', KEYS[3], item)
  redis.call('ZREM', KEYS[2], item)
  redis.call('HDEL', KEYS[3], item)
  if was then redis.call('ZADD', KEYS[1], was, item) end
end

local taken = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'WITHSCORES', 'LIMIT', 0, ARGV[2])
for i = 1, #taken, 2 do
  redis.call('ZREM', KEYS[1], taken[i])
  redis.call('ZADD', KEYS[2], ARGV[3], taken[i])
  redis.call('HSET', KEYS[3], taken[i], taken[i + 1])
end
return taken
