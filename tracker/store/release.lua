-- Gives a leased item back, due again at a time of its own, if that very lease still holds.
--
-- KEYS[1]  due     KEYS[2]  leases     KEYS[3]  leased
-- ARGV[1]  item    ARGV[2]  the ms when the lease ends     ARGV[3]  due again (ms)

local ends = redis.call('ZSCORE', KEYS[2], ARGV[1])
if not ends or tonumber(ends) ~= tonumber(ARGV[2]) then return 0 end
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
