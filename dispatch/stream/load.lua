-- An alarm as it is, and whether a command was done to it, at one instant; if asked for, with the words of its events.
-- KEYS 1 alarm, 2 done; ARGV 1 command key ('' for none), 2 prefix of the keys of words ('' for none), 3 alarm id
local row = redis.call('HMGET', KEYS[1], 's', 'k', 'p')
row[4] = ARGV[1] ~= '' and redis.call('HGET', KEYS[2], ARGV[1])
row[5] = {}
if row[1] and ARGV[2] ~= '' then  -- the station's id comes before anybody's words
  local home = string.match(row[1], '"home":"([^"]*)"')
  row[5] = redis.call('HGETALL', ARGV[2] .. home .. ':' .. ARGV[3])
end
return row
