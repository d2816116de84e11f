-- A console can sound until a time. Answers 1 when its officer had none that could, and now has.
-- KEYS 1 ready; ARGV 1 console (officer|role|id), 2 officer with the bar, 3 now and 4 until in ms
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1])
if known and tonumber(known) > tonumber(ARGV[3]) then return 0 end
for _, other in ipairs(redis.call('ZRANGE', KEYS[1], '(' .. ARGV[3], '+inf', 'BYSCORE')) do
  if other ~= ARGV[1] and string.sub(other, 1, #ARGV[2]) == ARGV[2] then return 0 end
end
return 1
