-- A new alarm of a station. Answers how many there were in the window when that makes it a flood just now, else 0.
-- KEYS 1 raised, 2 floods; ARGV 1 station, 2 alarm, 3 now, 4 the window's begin (both in ms), 5 a flood is more than this
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[3] - ARGV[4])
local count = redis.call('ZCARD', KEYS[1])
if count <= tonumber(ARGV[5]) then return 0 end
return redis.call('HSETNX', KEYS[2], ARGV[1], ARGV[3] .. ' ' .. count) * count
