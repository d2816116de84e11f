-- End a photo or recording: no chunk is registered after it, and its copies are asked for in the same instant, unless so
-- many wait already that these are made when an officer opens it.
-- KEYS 1 chunks, 2 media, 3 copying; ARGV 1 how many chunks, 2 what it is, 3 its name in the work index, 4 now in ms,
-- 5 how many may wait. Answers 0 when a chunk came in between: look again.
if redis.call('HLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
if redis.call('HSETNX', KEYS[2], 'ended', ARGV[2]) == 1 and redis.call('ZCARD', KEYS[3]) < tonumber(ARGV[5]) then
  redis.call('ZADD', KEYS[3], ARGV[4], ARGV[3])
end
return 1
