#!lua flags=allow-oom
-- A member says that it is alive, and reads what all others say and what was agreed. One that was struck off is told so.
-- KEYS nodes, agreed
-- ARGV id of the member ('' to read only), its record, '1' to become a member
if ARGV[1] ~= '' then
  if ARGV[3] ~= '1' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return {'STRUCK'} end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return {'OK', redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}
