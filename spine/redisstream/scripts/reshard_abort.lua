#!lua flags=allow-oom
-- Opens the store again as it was.
-- KEYS meta
-- ARGV attempt
local m = redis.call('HMGET', KEYS[1], 'moving', 'was', 'generation')
if m[1] ~= ARGV[1] then return {'FENCED'} end
redis.call('HSET', KEYS[1], 'layout', m[3] and '2' or '1', 'store', m[2])
redis.call('HDEL', KEYS[1], 'moving', 'step', 'was')
return {'OK'}
