-- Register a chunk whose object is synced, within the limits; or say what stands in its way. Changes all or nothing.
-- KEYS 1 chunks, 2 media, 3 media ids of the alarm, 4 receiving
-- ARGV 1 seq, 2 value, 3 size, 4 media id, 5 most chunks, 6 most bytes, 7 most media,
-- 8 its name in the index of what is being received, or empty, 9 when it is cut if nothing more comes, in ms
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there then return {'there', there, redis.call('HEXISTS', KEYS[2], 'ended')} end
if redis.call('HEXISTS', KEYS[2], 'ended') == 1 then return {'ended'} end
if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then return {'chunks'} end
if tonumber(redis.call('HGET', KEYS[2], 'bytes') or '0') + tonumber(ARGV[3]) > tonumber(ARGV[6]) then return {'bytes'} end
if redis.call('SISMEMBER', KEYS[3], ARGV[4]) == 0 and redis.call('SCARD', KEYS[3]) >= tonumber(ARGV[7]) then
  return {'media'}
end
redis.call('SADD', KEYS[3], ARGV[4])
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[2], 'bytes', ARGV[3])
if ARGV[8] ~= '' then redis.call('ZADD', KEYS[4], ARGV[9], ARGV[8]) end
return {'ok'}
