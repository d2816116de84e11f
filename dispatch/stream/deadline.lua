-- Put the index of one alarm's deadline right, if the alarm is still at the version that this was computed from.
-- KEYS 1 alarm, 2 deadlines; ARGV 1 alarm id, 2 version ('0': there is no such alarm), 3 deadline in ms ('' for none)
if (redis.call('HGET', KEYS[1], 'v') or '0') ~= ARGV[2] then return 0 end
if ARGV[3] == '' then return redis.call('ZREM', KEYS[2], ARGV[1]) end
return redis.call('ZADD', KEYS[2], 'CH', ARGV[3], ARGV[1])
