-- Give a partition another epoch, if it still has the one that was found wrong. Answers the epoch that it has then.
-- KEYS 1 epoch, 2 restored; ARGV 1 the wrong one, 2 the new one, 3 now
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.call('GET', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[3])
return ARGV[2]
