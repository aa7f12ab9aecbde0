#!lua
-- Appends an event and removes the dead letter it repeats.
-- KEYS letters, in, load
-- ARGV letter, field, entry
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', ARGV[2], ARGV[3])
redis.call('HINCRBY', KEYS[3], 'in', 1)
return 1
