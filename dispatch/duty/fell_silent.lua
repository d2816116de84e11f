-- Officers of whom no console was heard since a time: they are lost from now on. Answers those that are.
-- KEYS 1 heard, 2 lost; ARGV 1 the time in ms
for _, who in ipairs(redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE')) do
  redis.call('SADD', KEYS[2], who)
  redis.call('ZREM', KEYS[1], who)
end
return redis.call('SMEMBERS', KEYS[2])
