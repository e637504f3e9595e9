-- Takes deliveries that are due: until the lease ends nobody else takes them.
--
-- KEYS     deliveries, events, waiting
-- ARGV     now, end of the lease, how many at most
--
-- Answers when the next one is due ('' : none waits), then id, delivery and event of each that was taken.

local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[1], 'LIMIT', 0, tonumber(ARGV[3]))
local answer = {''}
for _, id in ipairs(due) do
  local delivery, event = redis.call('HGET', KEYS[1], id), redis.call('HGET', KEYS[2], id)
  if delivery and event then
    redis.call('ZADD', KEYS[3], ARGV[2], id)
    answer[#answer + 1] = id
    answer[#answer + 1] = delivery
    answer[#answer + 1] = event
  else
    redis.call('ZREM', KEYS[3], id)
  end
end
local first = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')
if first[2] then
  answer[1] = first[2]
end
return answer
