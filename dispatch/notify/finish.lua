-- One attempt is over: the job is done, or waits for its next attempt. The attempt is kept in a list of bounded length.
-- KEYS 1 due jobs of the channel, 2 jobs, 3 deliveries
-- ARGV 1 job, 2 ms from which it is due again ('' when it is done), 3 what it is now, 4 attempt as JSON ('' for none),
--      5 most attempts kept
if ARGV[2] == '' then
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
elseif redis.call('HEXISTS', KEYS[2], ARGV[1]) == 1 then
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
end
if ARGV[4] ~= '' then
  redis.call('LPUSH', KEYS[3], ARGV[4])
  redis.call('LTRIM', KEYS[3], 0, ARGV[5] - 1)
end
return 1
