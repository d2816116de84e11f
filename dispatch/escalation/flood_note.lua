-- New alarms of a station. Answers how many there are in the window when that makes it a flood just now, else 0.
-- KEYS 1 raised, 2 floods; ARGV 1 station, 2 now, 3 the window's begin (both in ms), 4 a flood is more than this, then
-- of each alarm when it was raised in ms and its id
for i = 5, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2] - ARGV[3])
local count = redis.call('ZCARD', KEYS[1])
if count <= tonumber(ARGV[4]) then return 0 end
return redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. count) * count
