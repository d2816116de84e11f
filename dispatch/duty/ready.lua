-- A console can sound until a time. Answers 1 when its officer had none that could, and now has.
-- KEYS 1 ready, 2 awake, 3 lapses; ARGV 1 console (officer|role|id), 2 officer|role, 3 now and 4 until in ms, 5 station
local before = redis.call('ZSCORE', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
redis.call('ZADD', KEYS[2], 'GT', ARGV[4], ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[5] .. '|' .. ARGV[1])
return before and tonumber(before) > tonumber(ARGV[3]) and 0 or 1
