#!lua flags=allow-oom
-- Stores a piece of a snapshot; with the last one the snapshot becomes the cell's, and the one that was becomes the
-- previous one. A state in place stays where it is, as that. The record of the last change it contains says whether it
-- belongs to what the cell is now.
-- KEYS own, cell
-- ARGV token, changes it contains, number of the piece, pieces, piece, what else is to be known of it, sum of the record
if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return {'FENCED'} end
local c = redis.call('HMGET', KEYS[2], 'n', 's', 'sp', 'sm', 'p', 'pp', 'zs', 'i', 'r' .. ARGV[2])
local seq = tonumber(ARGV[2])
if seq > tonumber(c[1] or '0') then return {'AHEAD', c[1] or '0'} end
if seq <= tonumber(c[2] or '0') or seq <= tonumber(c[7] or '0') or seq < tonumber(c[8] or '1') then return {'OK'} end
if redis.sha1hex(c[9] or '') ~= ARGV[7] then return {'CHANGED'} end
redis.call('HSET', KEYS[2], 's' .. ARGV[2] .. '.' .. ARGV[3], ARGV[5])
if ARGV[3] ~= ARGV[4] then return {'OK'} end
if c[2] then
  for i = 1, tonumber(c[6] or '0') do redis.call('HDEL', KEYS[2], 's' .. c[5] .. '.' .. i) end
  redis.call('HDEL', KEYS[2], 'zs', 'z')
  redis.call('HSET', KEYS[2], 'p', c[2], 'pp', c[3], 'pm', c[4])
end
redis.call('HSET', KEYS[2], 's', ARGV[2], 'sp', ARGV[4], 'sm', ARGV[6])
return {'OK'}
