-- Forget a growing copy, if it still is the one that is named. Answers how many parts it had; their objects go next.
-- KEYS 1 live, 2 parts, 3 lives; ARGV 1 its name, 2 its name in the index
if redis.call('HGET', KEYS[1], 'name') ~= ARGV[1] then return -1 end
local left = redis.call('LLEN', KEYS[2])
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('ZREM', KEYS[3], ARGV[2])
return left
