#!lua flags=allow-oom
-- Brings deferred entries back to consumer o, after the organs of the service have changed.
-- KEYS own, in, then due of organs that are or were
-- ARGV token, service, most at once, organs that are
if redis.call('HGET', KEYS[1], 'tok') ~= ARGV[1] then return {'FENCED'} end
for i = 3, #KEYS do
  local ids = redis.call('ZRANGE', KEYS[i], 0, tonumber(ARGV[3]) - 1)
  if #ids > 0 then
    redis.call('ZREM', KEYS[i], unpack(ids))
    ids[#ids + 1] = 'JUSTID'
    redis.call('XCLAIM', KEYS[2], ARGV[2], 'o', 0, unpack(ids))
    return {'MORE'}
  end
end
redis.call('HSET', KEYS[1], 'organs', ARGV[4])
return {'OK'}
