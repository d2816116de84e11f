-- Take what is due, until a time: if this hub dies, another takes it then.
-- KEYS 1 due jobs of a channel, 2 jobs; ARGV 1 now and 2 until in ms, 3 how many
-- Answers when the next one is due ('' for none), then job and what it is, by turns.
local found = redis.call('ZRANGE', KEYS[1], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[3])
local answer = {''}
for _, job in ipairs(found) do
  local what = redis.call('HGET', KEYS[2], job)
  if what then
    redis.call('ZADD', KEYS[1], ARGV[2], job)
    answer[#answer + 1] = job
    answer[#answer + 1] = what
  else
    redis.call('ZREM', KEYS[1], job)
  end
end
answer[1] = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2] or ''
return answer
