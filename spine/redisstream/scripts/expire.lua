#!lua flags=allow-oom
-- Forgets cells that have not changed since. The time in idle is that of a change, not always the last one.
-- KEYS own, idle, then cells
-- ARGV token, before, then the cells' members of idle
if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return {'FENCED'} end
local forgotten = 0
for i = 3, #KEYS do
  local changed = redis.call('HGET', KEYS[i], 't')
  if changed and tonumber(changed) >= tonumber(ARGV[2]) then
    redis.call('ZADD', KEYS[2], changed, ARGV[i])
  else
    if changed then forgotten = forgotten + 1 end
    redis.call('UNLINK', KEYS[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return {'OK', forgotten}
