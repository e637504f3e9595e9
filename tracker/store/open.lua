-- What a worker reads when a partition is assigned to it, at one moment.
--
-- KEYS  cursor, origins, definitions, marks, scopes

local cursor = redis.call('HMGET', KEYS[1], 'next_offset', 'log')
return {
  cursor,
  redis.call('HGETALL', KEYS[2]),
  redis.call('HGETALL', KEYS[3]),
  redis.call('HGETALL', KEYS[4]),
  redis.call('SMEMBERS', KEYS[5]),
}
