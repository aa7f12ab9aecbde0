#!lua flags=allow-oom
-- Removes dead letters, one after the other, and with each appends the events that take its place; for a letter that is not
-- there none. Answers with a 1 or a 0 for each. A server that is out of memory does it, too: the store does not grow by it.
-- KEYS letters, load, pub, then the streams of the events
-- ARGV number, lifetime of pub in ms, letters, then for every letter: id, events, and for each of those: which of the
-- streams, field, entry
local last = redis.call('HGET', KEYS[3], 'letters')
if last then
  local number, answer = string.match(last, '(%d+) (.*)')
  if number == ARGV[1] then return answer end
  -- A copy that comes late: whoever sent it has its answer.
  if tonumber(number) > tonumber(ARGV[1]) then return '' end
end
for i, key in ipairs(KEYS) do
  local want = 'stream'
  if i == 2 or i == 3 then want = 'hash' end
  local got = redis.call('TYPE', key).ok
  if got ~= 'none' and got ~= want then return redis.error_reply('CORRUPT ' .. key) end
end
local function add(key, field, entry)
  -- The original's form has a second field for what its reader does not know.
  local cut = field == 'event' and string.find(entry, '\n', 1, true)
  if cut then
    redis.call('XADD', key, '*', field, string.sub(entry, 1, cut - 1), 'envelope', string.sub(entry, cut + 1))
  else
    redis.call('XADD', key, '*', field, entry)
  end
end
local answer, added, at = {}, 0, 4
for i = 1, tonumber(ARGV[3]) do
  local events = tonumber(ARGV[at + 1])
  answer[i] = redis.call('XDEL', KEYS[1], ARGV[at])
  at = at + 2
  if answer[i] == 1 then
    for k = at, at + 3 * events - 3, 3 do add(KEYS[3 + tonumber(ARGV[k])], ARGV[k + 1], ARGV[k + 2]) end
    added = added + events
  end
  at = at + 3 * events
end
if added > 0 then redis.call('HINCRBY', KEYS[2], 'in', added) end
answer = table.concat(answer)
redis.call('HSET', KEYS[3], 'letters', ARGV[1] .. ' ' .. answer)
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return answer
