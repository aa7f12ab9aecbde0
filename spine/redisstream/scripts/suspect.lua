#!lua flags=allow-oom
-- Counts that an organ is about to be given an event during which the process has died before.
-- KEYS own, sus
-- ARGV token, field
if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return {'FENCED'} end
return {'OK', redis.call('HINCRBY', KEYS[2], ARGV[2], 1)}
