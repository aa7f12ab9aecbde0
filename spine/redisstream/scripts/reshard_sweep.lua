#!lua flags=allow-oom
-- Removes keys of generations that are not the store's.
-- KEYS meta, then keys
-- ARGV generation of the store, attempt that is under way; '' for none
local m = redis.call('HMGET', KEYS[1], 'generation', 'moving')
if (m[1] or '') ~= ARGV[1] or (m[2] or '') ~= ARGV[2] then return {'FENCED'} end
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
return {'OK'}
