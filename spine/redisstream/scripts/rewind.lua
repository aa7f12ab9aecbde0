#!lua flags=allow-oom
-- Lets a service begin anew with the oldest entries there are. What it emitted for them before is not emitted again: up
-- to mute, all but loud, which it had not settled. Whoever owns a shard has to clear it of what the service had there
-- before anybody else may.
-- KEYS load, then in of every shard, dl of every shard, own of every shard, loud of every shard
-- ARGV service, shards, most unsettled entries of a shard, then the tokens of the shards
local shards = tonumber(ARGV[2])
local function at(kind, i) return KEYS[1 + kind * shards + i] end
local function before(a, b)
  local ams, aseq = string.match(a, '(%d+)-(%d+)')
  local bms, bseq = string.match(b, '(%d+)-(%d+)')
  if #ams ~= #bms then return #ams < #bms end
  if ams ~= bms then return ams < bms end
  if #aseq ~= #bseq then return #aseq < #bseq end
  return aseq < bseq
end
local seen, unsettled = {}, {}
for i = 1, shards do
  if redis.call('HGET', at(2, i), 'tok') ~= ARGV[3 + i] then return {'FENCED'} end
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', at(0, i))) do
    if g[2] == ARGV[1] then
      for k = 1, #g, 2 do
        if g[k] == 'last-delivered-id' then seen[i] = g[k + 1] end
      end
    end
  end
  if not seen[i] then return {'LOST'} end
  local n = redis.call('XPENDING', at(0, i), ARGV[1])[1]
  if n > tonumber(ARGV[3]) then return {'BUSY', i - 1, n} end
  unsettled[i] = n > 0 and redis.call('XPENDING', at(0, i), ARGV[1], '-', '+', n) or {}
end
local unread, delayed = 0, 0
for i = 1, shards do
  local mute, loud = redis.call('HGET', at(2, i), 'mute') or '0-0', {}
  local was = {}
  for _, id in ipairs(redis.call('SMEMBERS', at(3, i))) do
    was[id] = true
    if before(seen[i], id) then loud[#loud + 1] = id end
  end
  for _, p in ipairs(unsettled[i]) do
    if was[p[1]] or before(mute, p[1]) then loud[#loud + 1] = p[1] end
  end
  if before(mute, seen[i]) then mute = seen[i] end
  redis.call('DEL', at(3, i))
  for k = 1, #loud, 1000 do redis.call('SADD', at(3, i), unpack(loud, k, math.min(#loud, k + 999))) end
  redis.call('XGROUP', 'DESTROY', at(0, i), ARGV[1])
  redis.call('XGROUP', 'CREATE', at(0, i), ARGV[1], '0')
  redis.call('HSET', at(2, i), 'mute', mute, 'h', '', 'clearing', '1')
  unread = unread + redis.call('XLEN', at(0, i))
  delayed = delayed + redis.call('ZCARD', at(1, i))
end
local accepted = tonumber(redis.call('HGET', KEYS[1], 'in') or '0')
redis.call('HSET', KEYS[1], 'a:' .. ARGV[1], string.format('%d', accepted - unread - delayed))
return {'OK'}
