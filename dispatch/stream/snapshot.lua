-- A station as it is at one instant: its offset and link, and the snapshots of its open alarms and of those it was called in to,
-- each followed by the words of its events if they are asked for.
-- KEYS 1 ends, 2 open set, 3 mirrors set; ARGV 1 prefix of alarm keys, 2 prefix of the station's mirror keys, 3 station,
--      4 prefix of the keys of words ('' for none)
local found = {redis.call('HGET', KEYS[1], ARGV[3]) or '0 '}
local function add(key, id)
  local snapshot = redis.call('HGET', key, 's')
  if snapshot then
    found[#found + 1] = snapshot
    if ARGV[4] ~= '' then found[#found + 1] = redis.call('HGETALL', ARGV[4] .. ARGV[3] .. ':' .. id) end
  end
end
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do add(ARGV[1] .. id, id) end
for _, id in ipairs(redis.call('SMEMBERS', KEYS[3])) do add(ARGV[2] .. id, id) end
return found
