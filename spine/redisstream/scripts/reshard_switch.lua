#!lua flags=allow-oom
-- Makes the new shards the store's, if nobody has written to the old ones since they were closed. In place of each old stream there is something
-- else for a while, so that no request which comes late can add to it.
-- KEYS meta, then in of every old shard, dl of every old shard, then own of every old shard for each service, then keys to be removed
-- ARGV attempt, pages, shards, old shards, services, lifetime of what is in place of a stream in ms, then of every old shard: last id,
-- length, delayed; then the tokens of own
local call, old, services = redis.call, tonumber(ARGV[4]), tonumber(ARGV[5])
local m = call('HMGET', KEYS[1], 'moving', 'step', 'generation')
if m[3] == ARGV[1] then return {'OK'} end
if m[1] ~= ARGV[1] then return {'FENCED'} end
if m[2] ~= ARGV[2] then return {'LOST'} end
for i = 1, old do
  local key, last, n = KEYS[1 + i], '0-0', 0
  if call('EXISTS', key) == 1 then
    local info = call('XINFO', 'STREAM', key)
    for k = 1, #info, 2 do
      if info[k] == 'last-generated-id' then last = info[k + 1] end
    end
    n = call('XLEN', key)
  end
  local at = 4 + 3 * i
  if last ~= ARGV[at] or n ~= tonumber(ARGV[at + 1]) or call('ZCARD', KEYS[1 + old + i]) ~= tonumber(ARGV[at + 2]) then
    return {'WRITTEN', key}
  end
end
for i = 1, services * old do
  if call('HGET', KEYS[1 + 2 * old + i], 'tok') ~= ARGV[6 + 3 * old + i] then return {'FENCED'} end
end
for i = 1, old do
  call('UNLINK', KEYS[1 + i])
  call('SET', KEYS[1 + i], 'moved', 'PX', ARGV[6])
end
for i = 2 + (2 + services) * old, #KEYS do call('UNLINK', KEYS[i]) end
call('HSET', KEYS[1], 'layout', '2', 'shards', ARGV[3], 'generation', ARGV[1])
call('HDEL', KEYS[1], 'moving', 'step', 'was')
return {'OK'}
