#!lua flags=allow-oom
-- KEYS own
-- ARGV token
if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return 'FENCED' end
redis.call('HSET', KEYS[1], 'tok', '')
return 'OK'
