-- A hub lives with a configuration. One that was never here gets the next number: the highest that lives is the newest.
-- Answers the hub's number, then "NUMBER UNTIL DIGESTS" of every hub that lives.
-- KEYS 1 configurations (digest -> number), 2 configured (hub -> "NUMBER UNTIL DIGESTS")
-- ARGV 1 hub, 2 digest of all files, 3 digests by file, 4 now and 5 until in ms
local number = redis.call('HGET', KEYS[1], ARGV[2])
if not number then
  number = redis.call('HINCRBY', KEYS[1], 'last', 1)
  redis.call('HSET', KEYS[1], ARGV[2], number)
end
redis.call('HSET', KEYS[2], ARGV[1], number .. ' ' .. ARGV[5] .. ' ' .. ARGV[3])
local answer, hubs = {tostring(number)}, redis.call('HGETALL', KEYS[2])
for i = 1, #hubs, 2 do
  -- One that would live for long said so before the clock was set back: if it does live, it says so anew at once.
  local left = tonumber(string.match(hubs[i + 1], '^%d+ (%d+) ')) - tonumber(ARGV[4])
  if left > 0 and left <= 10000 then
    answer[#answer + 1] = hubs[i + 1]
  else
    redis.call('HDEL', KEYS[2], hubs[i])
  end
end
return answer
