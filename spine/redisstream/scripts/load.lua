#!lua flags=allow-oom
-- A fenced read of fields of a cell: every page of it.
-- KEYS own, cell
-- ARGV token, last commit answered, fields
local o = redis.call('HMGET', KEYS[1], 'tok', 'c')
if o[1] ~= ARGV[1] then return {'FENCED'} end
if tonumber(o[2]) < tonumber(ARGV[2]) then return {'REACQUIRE'} end
local fields = {}
for i = 3, #ARGV do fields[#fields + 1] = ARGV[i] end
local values = redis.call('HMGET', KEYS[2], unpack(fields))
for i = 1, #fields do values[i] = values[i] or '' end
return {'OK', values}
