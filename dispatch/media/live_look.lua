-- A growing copy as it is now; for a listener also say that one was there.
-- KEYS 1 live; ARGV 1 now in ms for a listener, or empty
local found = redis.call('HMGET', KEYS[1], 'name', 'size', 'seconds', 'gaps', 'state', 'until')
if found[1] and ARGV[1] ~= '' then redis.call('HSET', KEYS[1], 'wanted', ARGV[1]) end
return found
