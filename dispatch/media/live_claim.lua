-- Take on the growing copy of a recording, unless a hub keeps one up. Answers whose it is, and what is left of the last.
-- KEYS 1 live, 2 parts, 3 lives; ARGV 1 now in ms, 2 until in ms, 3 my name for it, 4 its name in the index, 5 how long
-- after the last listener it goes, in ms
local name = redis.call('HGET', KEYS[1], 'name')
if name and tonumber(redis.call('HGET', KEYS[1], 'until')) > tonumber(ARGV[1]) then return {0, name, 0} end
local left = redis.call('LLEN', KEYS[2])
local wanted = redis.call('HGET', KEYS[1], 'wanted') or ARGV[1]
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'name', ARGV[3], 'until', ARGV[2], 'wanted', wanted, 'size', 0, 'seconds', '0',
  'gaps', '[]', 'state', 'growing')
redis.call('ZADD', KEYS[3], ARGV[2] + ARGV[5], ARGV[4])
return {1, name or '', left}
