-- Move a station's position over events that were looked at, and write down what is to be sent: all of it or none.
-- KEYS 1 positions, 2 jobs, then one sorted set of due jobs per channel
-- ARGV 1 station, 2 position expected, 3 position now, 4 most jobs that may wait; then per job: number of the channel's
--      set (from 1), job, ms from which it is due, what it is
-- Answers -1 when another hub was first, else the numbers of the jobs (from 0) that found no room.
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return -1 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
local room, left = tonumber(ARGV[4]) - redis.call('HLEN', KEYS[2]), {}
for i = 5, #ARGV, 4 do
  if redis.call('HEXISTS', KEYS[2], ARGV[i + 1]) == 0 then
    if room <= 0 then
      left[#left + 1] = (i - 5) / 4
    else
      room = room - 1
    end
  end
  if left[#left] ~= (i - 5) / 4 then
    redis.call('HSET', KEYS[2], ARGV[i + 1], ARGV[i + 3])
    redis.call('ZADD', KEYS[2 + ARGV[i]], ARGV[i + 2], ARGV[i + 1])
  end
end
return left
