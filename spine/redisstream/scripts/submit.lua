#!lua
-- Appends published events to one shard, in order, until there is no room. Refused as a whole, before it begins, by a
-- server that is out of memory.
-- KEYS load, in, dl, dlp, bell, pub, meta, then four for every event that asks for it: ids of the bucket that is, of the
-- one before, of the one after, of two before
-- ARGV shard, number, room, lifetime of ids in ms, that of pub ('' where it was said a while ago), events, then for every
-- event: id ('' when nobody chose it), first of its four keys, due ('' for at once), field, entry; last the store's id
local call, first = redis.call, 7
local function corrupt(i) return redis.error_reply('CORRUPT ' .. KEYS[i]) end
local function odd(i, want)
  local got = call('TYPE', KEYS[i]).ok
  return got ~= 'none' and got ~= want
end
local store = redis.pcall('HGET', KEYS[7], 'store')
if type(store) == 'table' then return corrupt(7) end
if store ~= ARGV[#ARGV] then return redis.error_reply('LOST ' .. KEYS[7]) end
local last = redis.pcall('HGET', KEYS[6], ARGV[1])
if type(last) == 'table' then return corrupt(6) end
if last then
  local number, answer = string.match(last, '(%d+) (.*)')
  if number == ARGV[2] then return answer end
  -- A copy that comes late: whoever sent it has its answer.
  if tonumber(number) > tonumber(ARGV[2]) then return '' end
end

-- Before the first write all keys are known to be of their types. A stream that is written first shows it by that.
local load, events = redis.pcall('HGETALL', KEYS[1]), tonumber(ARGV[6])
if load.err then return corrupt(1) end
for i = 8, #KEYS do
  if odd(i, 'hash') then return corrupt(i) end
end
local late = false
for i = 1, events do late = late or ARGV[first + 5 * i - 3] ~= '' end
if late then
  for i, want in ipairs({'stream', 'zset', 'hash', 'stream'}) do
    if odd(i + 1, want) then return corrupt(i + 1) end
  end
end
local room = tonumber(ARGV[3])
local limited = room >= 0
if limited then
  local accepted, least = 0, nil
  for i = 1, #load, 2 do
    local v = tonumber(load[i + 1])
    if load[i] == 'in' then accepted = v elseif not least or v < least then least = v end
  end
  room = room - accepted + (least or 0)
end
local function add(key, field, entry)
  -- The original's form has a second field for what its reader does not know.
  local cut = field == 'event' and string.find(entry, '\n', 1, true)
  if cut then return redis.pcall('XADD', key, '*', field, string.sub(entry, 1, cut - 1), 'envelope', string.sub(entry, cut + 1)) end
  return redis.pcall('XADD', key, '*', field, entry)
end
local answer, added, delayed = {}, 0, 0
for i = 1, events do
  local at = first + 5 * i - 5
  local id, ids, due = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
  local known = false
  if id ~= '' then
    for k = ids, ids + 2 do
      if call('HEXISTS', KEYS[k], id) == 1 then known = true end
    end
  end
  if known then
    answer[i] = 'd'
  elseif limited and added >= room then
    break
  else
    if due == '' then
      if type(add(KEYS[2], ARGV[at + 3], ARGV[at + 4])) ~= 'string' then return corrupt(2) end
    else
      delayed = delayed + 1
      local number = string.format('%016d', call('HINCRBY', KEYS[4], '#', 1))
      call('ZADD', KEYS[3], due, number)
      call('HSET', KEYS[4], number, ARGV[at + 3] .. ' ' .. ARGV[at + 4])
    end
    answer[i] = 'a'
    added = added + 1
    if id ~= '' then
      if call('HSET', KEYS[ids], id, '1') == 1 and call('HLEN', KEYS[ids]) == 1 then call('UNLINK', KEYS[ids + 3]) end
      call('PEXPIRE', KEYS[ids], ARGV[4])
    end
  end
end
if added > 0 then call('HINCRBY', KEYS[1], 'in', added) end
if delayed > 0 then call('XADD', KEYS[5], 'MAXLEN', '~', 16, '*', 'delayed', delayed) end
answer = table.concat(answer)
if call('HSET', KEYS[6], ARGV[1], ARGV[2] .. ' ' .. answer) == 1 or ARGV[5] ~= '' then
  call('PEXPIRE', KEYS[6], ARGV[5] ~= '' and ARGV[5] or ARGV[4])
end
return answer
