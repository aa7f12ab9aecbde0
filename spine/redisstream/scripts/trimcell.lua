#!lua flags=allow-oom
-- Drops records of a cell that its previous snapshot contains, some at a time.
-- KEYS own, cell
-- ARGV token, most at once
if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return {'FENCED'} end
local c = redis.call('HMGET', KEYS[2], 'p', 'i', 'zs')
local first, last = tonumber(c[2] or '1'), math.max(tonumber(c[1] or '0'), tonumber(c[3] or '0'))
if first > last then return {'OK'} end
local stop = math.min(last, first + tonumber(ARGV[2]) - 1)
local fields = {}
for r = first, stop do fields[#fields + 1] = string.format('r%d', r) end
redis.call('HDEL', KEYS[2], unpack(fields))
redis.call('HSET', KEYS[2], 'i', string.format('%d', stop + 1))
if stop < last then return {'MORE'} end
return {'OK'}
