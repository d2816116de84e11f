-- Take the media that has waited longest, until a time: if its worker's hub dies, another takes it then.
-- KEYS 1 copying; ARGV 1 now in ms, 2 until in ms
local found = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, 1)
if #found == 0 then return false end
redis.call('ZADD', KEYS[1], ARGV[2], found[1])
return found[1]
