-- What time it is, and why: one question, answered at one instant; with a change, only if nobody was first.
-- KEYS 1 time; ARGV 1 the offset (ms) that the asker saw, 2 the new one ('' to change nothing), 3 what time it is then (ms), 4 by how much
-- the store's clock jumped (ms; '' when it did not), 5 since when hubs keep their own time ('' when they follow the store's), 6 which hub asks
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] ~= '' and (redis.call('HGET', KEYS[1], 'offset') or '0') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'offset', ARGV[2], 'mark', ARGV[3], 'marker', ARGV[6])
  if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'by', ARGV[4], 'at', ARGV[3]) end
  if ARGV[5] == '' then redis.call('HDEL', KEYS[1], 'held', 'accept') else redis.call('HSET', KEYS[1], 'held', ARGV[5]) end
  if ARGV[4] == '' then redis.call('HINCRBY', KEYS[1], 'taken', 1) end
end
return {now, redis.call('HMGET', KEYS[1], 'offset', 'mark', 'held', 'by', 'at', 'taken', 'accept', 'doubted', 'marker')}
