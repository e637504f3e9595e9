-- Points to another view, if the pointer is still the expected one.
--
-- KEYS[1]  the pointer     ARGV[1]  expected view     ARGV[2]  new view     ARGV[3]  the view of a missing pointer

local now = redis.call('GET', KEYS[1]) or ARGV[3]
if now ~= ARGV[1] then return now end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
