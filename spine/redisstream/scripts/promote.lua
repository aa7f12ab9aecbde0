#!lua flags=allow-oom
-- Moves delayed events that are due into the stream. Any service's owner may do it, any number of times.
-- KEYS in, dl, dlp
-- ARGV now, most at once
local function add(key, field, entry)
  -- The original's form has a second field for what its reader does not know.
  local cut = field == 'event' and string.find(entry, '\n', 1, true)
  if cut then
    redis.call('XADD', key, '*', field, string.sub(entry, 1, cut - 1), 'envelope', string.sub(entry, cut + 1))
  else
    redis.call('XADD', key, '*', field, entry)
  end
end
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1], 'LIMIT', 0, tonumber(ARGV[2]))
for _, number in ipairs(due) do
  local entry = redis.call('HGET', KEYS[3], number)
  if entry then
    local field, value = string.match(entry, '^(%S+) (.*)$')
    add(KEYS[1], field, value)
  end
  redis.call('ZREM', KEYS[2], number)
  redis.call('HDEL', KEYS[3], number)
end
local next = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
return {#due, next[2] or ''}
