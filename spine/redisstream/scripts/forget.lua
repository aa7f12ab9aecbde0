#!lua flags=allow-oom
-- Forgets a service.
-- KEYS load, svc, letters, then in of every shard, own of every shard
-- ARGV service, shards, then the tokens of the shards
local shards = tonumber(ARGV[2])
for i = 1, shards do
  if redis.call('HGET', KEYS[3 + shards + i], 'tok') ~= ARGV[2 + i] then return {'FENCED'} end
end
for i = 1, shards do
  if redis.call('EXISTS', KEYS[3 + i]) == 1 then redis.call('XGROUP', 'DESTROY', KEYS[3 + i], ARGV[1]) end
  redis.call('UNLINK', KEYS[3 + shards + i])
end
redis.call('HDEL', KEYS[1], 'a:' .. ARGV[1])
redis.call('UNLINK', KEYS[2], KEYS[3])
return {'OK'}
