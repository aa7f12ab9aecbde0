#!lua flags=allow-oom
-- A fenced read of how far entries have come.
-- KEYS own, prog, sus
-- ARGV token, last commit answered, stream ids
local o = redis.call('HMGET', KEYS[1], 'tok', 'c')
if o[1] ~= ARGV[1] then return {'FENCED'} end
if tonumber(o[2]) < tonumber(ARGV[2]) then return {'REACQUIRE'} end
local ids = {}
for i = 3, #ARGV do ids[#ids + 1] = ARGV[i] end
local progress = redis.call('HMGET', KEYS[2], unpack(ids))
for i = 1, #ids do progress[i] = progress[i] or '' end
return {'OK', progress}
