#!lua
-- Writes some of what the store is to be. Each page has a number: one that is repeated, or comes late, changes nothing.
-- KEYS meta, then what it writes
-- ARGV attempt, page, then commands, each with the number of its words before it
local m = redis.call('HMGET', KEYS[1], 'moving', 'step')
if m[1] ~= ARGV[1] then return {'FENCED'} end
if m[2] == ARGV[2] then return {'OK'} end
if tonumber(m[2]) ~= tonumber(ARGV[2]) - 1 then return {'LOST'} end
local at = 3
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  redis.call(unpack(ARGV, at + 1, at + words))
  at = at + 1 + words
end
redis.call('HSET', KEYS[1], 'step', ARGV[2])
return {'OK'}
