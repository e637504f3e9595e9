-- Takes requests out of a platform's allowance, which all pollers share: a token bucket by the server's own clock.
--
-- KEYS[1]  the bucket (hash: left, at; what is left, in thousandths of a request, at that ms)
-- ARGV[1]  requests a minute    ARGV[2]  the bucket's size in requests    ARGV[3]  cost in requests
--
-- Answers 0 when taken, else in how many ms there will be enough. Nothing is taken then.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local size, cost = ARGV[2] * 1000, ARGV[3] * 1000
-- What a full bucket adds to the first minute is taken off the pace, so no minute has more than was allowed.
local pace = math.max(ARGV[1] - ARGV[2], 1) / 60
local known = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = size
if known[1] then left = math.min(size, known[1] + math.max(0, now - known[2]) * pace) end
-- A request that costs more than the bucket holds waits for a full one, and leaves it in debt.
local needed = math.min(cost, size)
if left < needed then return math.ceil((needed - left) / pace) end
redis.call('HSET', KEYS[1], 'left', string.format('%.3f', left - cost), 'at', string.format('%d', now))
redis.call('PEXPIRE', KEYS[1], math.ceil((size + cost) / pace) + 60000)
return 0
