#!lua
-- Puts a question into the box of the process that holds a shard.
-- KEYS own, box of that process
-- ARGV token of the owner as far as the asker knows ('': not at all), most messages in a box, its life in ms, then the question
local tok = redis.call('HGET', KEYS[1], 'tok') or ''
if tok == '' or tok ~= ARGV[1] then return {'OWNER', tok} end
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[2]) then return {'FULL'} end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {'OK'}
