#!lua flags=allow-oom
-- What a contender watches. KEYS meta, own of shards
local seen = {redis.call('HGET', KEYS[1], 'store') or ''}
for i = 2, #KEYS do
  local o = redis.call('HMGET', KEYS[i], 'tok', 'beat', 'node', 'organs')
  seen[#seen + 1] = {o[1] or '', o[2] or '', o[3] or '', o[4] or ''}
end
return seen
