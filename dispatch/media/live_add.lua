-- Write down what was added to a growing copy, by who keeps it up; nothing when another does by now.
-- KEYS 1 live, 2 parts, 3 lives; ARGV 1 my name for it, 2 until in ms, 3 its name in the index, 4 how long after the last
-- listener it goes, in ms, 5 size of a further part or 0, then members of the hash and their values
if redis.call('HGET', KEYS[1], 'name') ~= ARGV[1] then return false end
redis.call('HSET', KEYS[1], 'until', ARGV[2], unpack(ARGV, 6))
if ARGV[5] ~= '0' then
  redis.call('RPUSH', KEYS[2], ARGV[5])
  redis.call('HINCRBY', KEYS[1], 'size', ARGV[5])
end
redis.call('ZADD', KEYS[3], ARGV[2] + ARGV[4], ARGV[3])
return redis.call('HGET', KEYS[1], 'wanted')
