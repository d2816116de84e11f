-- An alarm as it is, and whether a command was done to it, at one instant.
-- KEYS 1 alarm, 2 done; ARGV 1 command key ('' for none)
local row = redis.call('HMGET', KEYS[1], 's', 'k', 'p')
row[4] = ARGV[1] ~= '' and redis.call('HGET', KEYS[2], ARGV[1])
return row
