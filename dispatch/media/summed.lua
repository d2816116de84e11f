-- Remember the SHA-256 of all chunks, if they still are those that were summed: the next end need not open them again.
-- KEYS 1 chunks, 2 media; ARGV 1 how many chunks, 2 what they are together
if redis.call('HLEN', KEYS[1]) ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[2], 'summed', ARGV[2])
return redis.call('HINCRBY', KEYS[2], 'sums', 1)
