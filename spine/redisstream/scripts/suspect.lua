#!lua flags=allow-oom
-- Counts that an organ is about to be given an event during which the process has died before. No commit is on its way while this
-- is: a copy that comes after one counts nothing. The event may have been handled by then, or deferred and have come again.
-- KEYS own, sus, in
-- ARGV token, last commit, service, stream id, organ
local o = redis.call('HMGET', KEYS[1], 'tok', 'c')
if o[1] ~= ARGV[1] then return {'FENCED'} end
if o[2] ~= ARGV[2] or #redis.call('XPENDING', KEYS[3], ARGV[3], ARGV[4], ARGV[4], 1, 'o') == 0 then return {'REACQUIRE'} end
return {'OK', redis.call('HINCRBY', KEYS[2], ARGV[4] .. '|' .. ARGV[5], 1)}
