#!lua flags=allow-oom
-- Strikes a member off, unless it has said something since it was read.
-- KEYS nodes
-- ARGV id of the member, its record as it was read
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 'CHANGED' end
redis.call('HDEL', KEYS[1], ARGV[1])
return 'OK'
