#!lua flags=allow-oom
-- A fenced read of fields of a cell: every page of it. The pages of one reading belong together where the cell's content is
-- the same: whatever changes a cell changes one of the fields that the answer names it by.
-- KEYS own, cell
-- ARGV token, last commit answered, content as the first page has named it ('' for that one), fields
local o = redis.call('HMGET', KEYS[1], 'tok', 'c')
if o[1] ~= ARGV[1] then return {'FENCED'} end
if tonumber(o[2]) < tonumber(ARGV[2]) then return {'REACQUIRE'} end
local content = redis.call('HMGET', KEYS[2], 'n', 't', 'i', 's', 'p')
for i = 1, 5 do content[i] = content[i] or '' end
content = table.concat(content, ' ')
if ARGV[3] ~= '' and ARGV[3] ~= content then return {'CHANGED'} end
local fields = {}
for i = 4, #ARGV do fields[#fields + 1] = ARGV[i] end
local values = redis.call('HMGET', KEYS[2], unpack(fields))
for i = 1, #fields do values[i] = values[i] or '' end
return {'OK', values, content}
