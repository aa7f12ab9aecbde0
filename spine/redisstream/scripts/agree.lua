#!lua flags=allow-oom
-- Sets what was agreed, unless somebody else has done so since it was read.
-- KEYS agreed
-- ARGV name, what was read, what is to be
if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 'CHANGED' end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 'OK'
