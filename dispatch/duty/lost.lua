-- Consoles that can sound no more. Answers those that were there, of officers who have none left, once per officer.
-- Sent again because its answer was lost, it answers the same.
-- KEYS 1 ready, 2 awake, 3 lapses, 4 answered; ARGV 1 now in ms, 2 station, then the consoles (officer|role|id)
if redis.call('EXISTS', KEYS[4]) == 1 then return redis.call('LRANGE', KEYS[4], 0, -1) end
local gone, last, others = {}, {}, {}
for i = 3, #ARGV do
  redis.call('ZREM', KEYS[3], ARGV[2] .. '|' .. ARGV[i])
  if redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then gone[string.match(ARGV[i], '^[^|]*|[^|]*')] = ARGV[i] end
end
if next(gone) == nil then return last end
for _, other in ipairs(redis.call('ZRANGE', KEYS[1], '(' .. ARGV[1], '+inf', 'BYSCORE')) do
  others[string.match(other, '^[^|]*|[^|]*')] = true
end
for officer, console in pairs(gone) do
  if not others[officer] then
    redis.call('ZREM', KEYS[2], officer)
    last[#last + 1] = console
  end
end
table.sort(last)
if last[1] then
  redis.call('RPUSH', KEYS[4], unpack(last))
  redis.call('EXPIRE', KEYS[4], 600)
end
return last
