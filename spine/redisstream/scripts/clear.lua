#!lua flags=allow-oom
-- Removes keys of a service in a shard; without any it says that the shard is clear.
-- KEYS own, then keys
-- ARGV token
if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return {'FENCED'} end
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
if #KEYS == 1 then redis.call('HDEL', KEYS[1], 'clearing') end
return {'OK'}
