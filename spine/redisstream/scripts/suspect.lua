#!lua flags=allow-oom
-- Counts that an organ is about to be given an event during which the process has died before. A copy that comes late, when
-- the event has been handled, counts nothing.
-- KEYS own, sus, in
-- ARGV token, service, stream id, organ
if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return {'FENCED'} end
if #redis.call('XPENDING', KEYS[3], ARGV[2], ARGV[3], ARGV[3], 1, 'o') == 0 then return {'REACQUIRE'} end
return {'OK', redis.call('HINCRBY', KEYS[2], ARGV[3] .. '|' .. ARGV[4], 1)}
