#!lua
-- Appends published events to one shard, in order, until there is no room. Refused as a whole, before it begins, by a
-- server that is out of memory.
-- KEYS load, in, dl, dlp, bell, pub, meta, then four for every event that asks for it: ids of the bucket that is, of the
-- one before, of the one after, of two before
-- ARGV shard, number, room, lifetime of pub and ids in ms, events, then for every event: id ('' when nobody chose it), first of
-- its four keys, due ('' for at once), field, entry; last the store's id
local fixed = {'hash', 'stream', 'zset', 'hash', 'stream', 'hash', 'hash'}
for i, key in ipairs(KEYS) do
  local got = redis.call('TYPE', key).ok
  if got ~= 'none' and got ~= (fixed[i] or 'hash') then return redis.error_reply('CORRUPT ' .. key) end
end
if redis.call('HGET', KEYS[7], 'store') ~= ARGV[#ARGV] then return redis.error_reply('LOST ' .. KEYS[7]) end
local last = redis.call('HGET', KEYS[6], ARGV[1])
if last then
  local number, answer = string.match(last, '(%d+) (.*)')
  if number == ARGV[2] then return answer end
  -- A copy that comes late: whoever sent it has its answer.
  if tonumber(number) > tonumber(ARGV[2]) then return '' end
end
local room = tonumber(ARGV[3])
if room >= 0 then
  local load, accepted, least = redis.call('HGETALL', KEYS[1]), 0, nil
  for i = 1, #load, 2 do
    local v = tonumber(load[i + 1])
    if load[i] == 'in' then accepted = v elseif not least or v < least then least = v end
  end
  room = room - accepted + (least or 0)
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
local answer, added, delayed = {}, 0, 0
local at = 6
for i = 1, tonumber(ARGV[5]) do
  local id, ids, due, field, entry = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 3], ARGV[at + 4]
  at = at + 5
  local known = false
  if id ~= '' then
    for k = ids, ids + 2 do
      if redis.call('HEXISTS', KEYS[k], id) == 1 then known = true end
    end
  end
  if known then
    answer[i] = 'd'
  elseif tonumber(ARGV[3]) >= 0 and added >= room then
    break
  else
    answer[i] = 'a'
    added = added + 1
    if id ~= '' then
      if redis.call('HSET', KEYS[ids], id, '1') == 1 and redis.call('HLEN', KEYS[ids]) == 1 then
        redis.call('UNLINK', KEYS[ids + 3])
      end
      redis.call('PEXPIRE', KEYS[ids], ARGV[4])
    end
    if due == '' then
      add(KEYS[2], field, entry)
    else
      delayed = delayed + 1
      local number = string.format('%016d', redis.call('HINCRBY', KEYS[4], '#', 1))
      redis.call('ZADD', KEYS[3], due, number)
      redis.call('HSET', KEYS[4], number, field .. ' ' .. entry)
    end
  end
end
if added > 0 then redis.call('HINCRBY', KEYS[1], 'in', added) end
if delayed > 0 then redis.call('XADD', KEYS[5], 'MAXLEN', '~', 16, '*', 'delayed', delayed) end
answer = table.concat(answer)
redis.call('HSET', KEYS[6], ARGV[1], ARGV[2] .. ' ' .. answer)
redis.call('PEXPIRE', KEYS[6], ARGV[4])
return answer
