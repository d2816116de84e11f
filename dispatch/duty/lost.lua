-- Consoles that can sound no more. Answers those that were there, of officers who have none left, once per officer.
-- KEYS 1 ready; ARGV 1 now in ms, then the consoles (officer|role|id)
local gone, last, awake = {}, {}, {}
for i = 2, #ARGV do
  if redis.call('ZREM', KEYS[1], ARGV[i]) == 1 then gone[string.match(ARGV[i], '^[^|]*')] = ARGV[i] end
end
for _, other in ipairs(redis.call('ZRANGE', KEYS[1], '(' .. ARGV[1], '+inf', 'BYSCORE')) do
  awake[string.match(other, '^[^|]*')] = true
end
for officer, console in pairs(gone) do
  if not awake[officer] then last[#last + 1] = console end
end
table.sort(last)
return last
