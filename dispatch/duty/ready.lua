-- A console can sound until a time. Answers 1 when its officer had none that could, and now has.
-- Sent again because its answer was lost, it answers the same.
-- KEYS 1 ready, 2 awake, 3 lapses, 4 answered; ARGV 1 console (officer|role|id), 2 officer|role, 3 now and 4 until in ms, 5 station
if redis.call('EXISTS', KEYS[4]) == 1 then return 1 end
local before = redis.call('ZSCORE', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
redis.call('ZADD', KEYS[2], 'GT', ARGV[4], ARGV[2])
redis.call('ZADD', KEYS[3], ARGV[4], ARGV[5] .. '|' .. ARGV[1])
if before and tonumber(before) > tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[4], 1, 'EX', 600)
return 1
