-- A station as it is at one instant: its offset and link, and the snapshots of its open alarms and of those it was called in to.
-- KEYS 1 ends, 2 open set, 3 mirrors set; ARGV 1 prefix of alarm keys, 2 prefix of the station's mirror keys, 3 station
local found = {redis.call('HGET', KEYS[1], ARGV[3]) or '0 '}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  found[#found + 1] = redis.call('HGET', ARGV[1] .. id, 's')
end
for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do
  found[#found + 1] = redis.call('HGET', ARGV[2] .. id, 's')
end
return found
