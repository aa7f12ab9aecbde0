#!lua flags=allow-oom
-- Makes the groups of a service that is new; notes its organs.
-- KEYS meta, load, svc, then in of every shard, then dl of every shard
-- ARGV store id, service, where it starts, organs, organs that were seen in svc, shards
local shards = tonumber(ARGV[6])
if redis.call('HGET', KEYS[1], 'store') ~= ARGV[1] then return {'LOST'} end
local organs = redis.call('HGET', KEYS[3], 'organs')
if (organs or '') ~= ARGV[5] then return {'AGAIN'} end
local missing, unread, delayed = {}, 0, 0
for i = 1, shards do
  local key, found = KEYS[3 + i], false
  if redis.call('EXISTS', key) == 1 then
    for _, g in ipairs(redis.call('XINFO', 'GROUPS', key)) do
      if g[2] == ARGV[2] then found = true end
    end
    unread = unread + redis.call('XLEN', key)
  end
  if not found then missing[#missing + 1] = key end
  delayed = delayed + redis.call('ZCARD', KEYS[3 + shards + i])
end
if #missing > 0 then
  -- A service is made in all shards at once: where only some have it, somebody has deleted a stream.
  if organs or #missing < shards then return {'LOST'} end
  for _, key in ipairs(missing) do
    redis.call('XGROUP', 'CREATE', key, ARGV[2], ARGV[3], 'MKSTREAM')
  end
  if ARGV[3] == '$' then unread = 0 end
  local accepted = tonumber(redis.call('HGET', KEYS[2], 'in') or '0')
  redis.call('HSET', KEYS[2], 'a:' .. ARGV[2], string.format('%d', accepted - unread - delayed))
end
redis.call('HSET', KEYS[3], 'organs', ARGV[4])
return {'OK'}
