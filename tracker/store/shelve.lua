-- Puts alerts on a campaign's shelf, each unless a later one lies there.
--
-- KEYS[1]  hash: place -> rank and alert
-- ARGV     place, rank (episode and serial, of fixed width), whether an equal rank is replaced ('1'), alert; repeated
--
-- Answers how many were put.

local width = 24
local put = 0
for i = 1, #ARGV, 4 do
  local place, rank, replaces, alert = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local known = redis.call('HGET', KEYS[1], place)
  local known_rank = known and string.sub(known, 1, width) or ''
  if rank > known_rank or (rank == known_rank and replaces == '1') then
    redis.call('HSET', KEYS[1], place, rank .. alert)
    put = put + 1
  end
end
return put
