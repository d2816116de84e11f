-- An officer's console was heard. Answers 1 when the officer had been lost.
-- KEYS 1 heard, 2 lost; ARGV 1 officer|station, 2 now in ms
redis.call('ZADD', KEYS[1], 'GT', ARGV[2], ARGV[1])
return redis.call('SREM', KEYS[2], ARGV[1])
