#!lua flags=allow-oom
-- KEYS meta
-- ARGV layout, shards, store id for a store that is new
local m = redis.call('HMGET', KEYS[1], 'layout', 'shards', 'store', 'generation')
if not m[1] then
  redis.call('HSET', KEYS[1], 'layout', ARGV[1], 'shards', ARGV[2], 'store', ARGV[3])
  return {ARGV[1], ARGV[2], ARGV[3]}
end
local answer = {m[1], m[2] or '', m[3] or ''}
if m[4] then answer[4] = m[4] end
return answer
