#!lua
-- Appends an event and removes the dead letter it repeats.
-- KEYS letters, in, load
-- ARGV letter, field, entry
local function add(key, field, entry)
  -- The original's form has a second field for what its reader does not know.
  local cut = field == 'event' and string.find(entry, '\n', 1, true)
  if cut then
    redis.call('XADD', key, '*', field, string.sub(entry, 1, cut - 1), 'envelope', string.sub(entry, cut + 1))
  else
    redis.call('XADD', key, '*', field, entry)
  end
end
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
add(KEYS[2], ARGV[2], ARGV[3])
redis.call('HINCRBY', KEYS[3], 'in', 1)
return 1
