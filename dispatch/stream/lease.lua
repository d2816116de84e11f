-- Take or keep the lease of a partition's timers, and see what is due. A new holder gets a new token, so that what an
-- old one still sends is refused (append.lua). Time is the caller's, who follows the store's clock.
-- KEYS 1 lease, 2 deadlines
-- ARGV 1 hub, 2 now and 3 until in ms, 4 before which a free lease is left to others (ms it must have been free since),
--      5 most due alarms to tell
-- Answers the token ('' when another holds it), until when it is held, the earliest deadline ('' for none), then the
-- ids of due alarms.
local lease, deadlines = KEYS[1], KEYS[2]
local hub, now, till = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local held = redis.call('HMGET', lease, 'hub', 'token', 'until')
local token, free = held[2], tonumber(held[3] or '0')
if held[1] ~= hub then
  if free > now - tonumber(ARGV[4]) then return {'', free, ''} end
  token = redis.call('HINCRBY', lease, 'token', 1)
  redis.call('HSET', lease, 'hub', hub, 'until', till)
elseif free - now < (till - now) / 2 then
  redis.call('HSET', lease, 'until', till)
  free = till
end
local answer = {tostring(token), free, redis.call('ZRANGE', deadlines, 0, 0, 'WITHSCORES')[2] or ''}
for _, id in ipairs(redis.call('ZRANGE', deadlines, '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[5])) do
  answer[#answer + 1] = id
end
return answer
