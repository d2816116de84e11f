-- Whether what was written (or found) is on the server that answers now; then write a mark, after which a replica's
-- confirmation (WAIT, WAITAOF on the same connection) covers it. A server that took over without it answers 0.
-- KEYS 1 mark; then one per thing: a stream, an alarm, or what was done
-- ARGV three per thing: 'link' offset link | 'state' version sha1 of the snapshot | 'done' key value
local found = {}
for i = 2, #KEYS do
  local kind, name, want = ARGV[3 * i - 5], ARGV[3 * i - 4], ARGV[3 * i - 3]
  local have
  if kind == 'link' then
    local entry = redis.call('XRANGE', KEYS[i], name .. '-0', name .. '-0')[1]
    have = entry and entry[2][4]
  elseif kind == 'state' then
    local alarm = redis.call('HMGET', KEYS[i], 'v', 's')
    have = alarm[1] == name and redis.sha1hex(alarm[2])
  else
    have = redis.call('HGET', KEYS[i], name)
  end
  found[i - 1] = have == want and 1 or 0
end
redis.call('INCR', KEYS[1])
return found
