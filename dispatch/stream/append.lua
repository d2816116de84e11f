-- Append events to a station's stream: all of it or none.
-- Compare-and-set on the alarm's version, de-duplication by the command's key, the timer's fence, the events and their
-- hash chain, the snapshot, the deadline, the outbox, the doorbell; with a wipe, the words of all events before it go,
-- and it is written down that media are to be removed. The rules are in Python; here only bytes move.
--
-- KEYS 1 stream, 2 ends, 3 alarm, 4 words, 5 done, 6 open set, 7 deadlines, 8 outbox, 9 lease, 10 endings,
--      11 removing, 12 rewrite
-- ARGV 1 station, 2 alarm id ('' for an event of the station itself), 3 expected version, 4 new version, 5 snapshot,
--      6 command key ('' for none), 7 command digest ('once': of a station's event, whose key is soon forgotten), 8 deadline in ms ('' for none, 'keep' to leave it alone),
--      9 open ('1', '0'), 10 secret hash and 11 cancel number hash (only used when the alarm is new), 12 channel,
--      13 stations to copy to, by spaces, 14 fencing token ('' for none), 15 end date of the content in ms ('' for none,
--      'keep' to leave it alone), 16 what is wiped ('' nothing, 'all', 'words': of a copy, whose media are elsewhere);
--      then five per event: version, record, words, digest, wire form
local stream, ends, alarm, words, done, open, deadlines, outbox, lease, endings, removing, rewrite = unpack(KEYS)
local id, key = ARGV[2], ARGV[6]
if ARGV[14] ~= '' and redis.call('HGET', lease, 'token') ~= ARGV[14] then return {'fenced'} end
if key ~= '' then
  local before = redis.call('HGET', done, key)
  if before then return {'done', before} end
end
if id ~= '' and (redis.call('HGET', alarm, 'v') or '0') ~= ARGV[3] then return {'stale'} end

local offset, head = string.match(redis.call('HGET', ends, ARGV[1]) or '', '(%d+) (.*)')
if not offset then  -- a store from before there was this hash, or a new station
  local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
  offset, head = last and string.match(last[1], '%d+') or 0, last and last[2][4] or ''
end
offset = tonumber(offset)
local first, bell = offset + 1, {offset + 1 .. ' ' .. head}
if ARGV[16] ~= '' then
  redis.call('DEL', words)
  redis.call('HINCRBY', rewrite, 'wiped', 1)
  if ARGV[16] == 'all' then
    redis.call('ZADD', removing, 0, id)
    for _, each in ipairs(redis.call('HKEYS', done)) do  -- a short answer could be guessed by its digest
      redis.call('HSET', done, each, '* ' .. string.match(redis.call('HGET', done, each), '%d+$'))
    end
  end
end
for i = 17, #ARGV, 5 do
  offset = offset + 1
  head = redis.sha1hex(head .. offset .. ARGV[i + 3])
  redis.call('XADD', stream, offset .. '-0', 'r', ARGV[i + 1], 'h', head)
  if ARGV[i + 2] ~= '' then redis.call('HSET', words, ARGV[i], ARGV[i + 2]) end
  bell[#bell + 1] = head .. ARGV[i + 4]
end
redis.call('HSET', ends, ARGV[1], offset .. ' ' .. head)
if key ~= '' then
  redis.call('HSET', done, key, ARGV[7] .. ' ' .. ARGV[4])
  if id == '' and ARGV[7] == 'once' then redis.call('EXPIRE', done, 600) end  -- of a command that is sent again
end
if id ~= '' then
  redis.call('HSET', alarm, 'v', ARGV[4], 's', ARGV[5])
  if ARGV[3] == '0' then redis.call('HSET', alarm, 'k', ARGV[10], 'p', ARGV[11]) end
  redis.call(ARGV[9] == '1' and 'SADD' or 'SREM', open, id)
  if ARGV[8] == '' then redis.call('ZREM', deadlines, id)
  elseif ARGV[8] ~= 'keep' then redis.call('ZADD', deadlines, ARGV[8], id) end
  if ARGV[15] == '' then redis.call('ZREM', endings, id)
  elseif ARGV[15] ~= 'keep' then redis.call('ZADD', endings, ARGV[15], id) end
  for to in string.gmatch(ARGV[13], '%S+') do
    redis.call('RPUSH', outbox, table.concat({to, ARGV[1], id, first, offset}, ' '))
  end
end
redis.call('SPUBLISH', ARGV[12], table.concat(bell, '\n'))
return {'ok', first, head}
