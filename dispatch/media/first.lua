-- An officer waits for this one: before all others, unless a worker has it.
-- KEYS 1 copying; ARGV 1 its name in the work index, 2 now in ms
local from = redis.call('ZSCORE', KEYS[1], ARGV[1])
if from and tonumber(from) > tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
return 1
