#!lua flags=allow-oom
-- KEYS load, letters, then in of every shard, dl of every shard, then due of organs
-- ARGV service, shards, now
local shards = tonumber(ARGV[2])
local load = redis.call('HMGET', KEYS[1], 'in', 'a:' .. ARGV[1])
local pending, delayed, next, waiting, each, mine = 0, 0, nil, 0, {}, {}
for i = 1, shards do
  local p = redis.call('XPENDING', KEYS[2 + i], ARGV[1])
  each[i], mine[i] = p[1], 0
  for _, c in ipairs(p[4] or {}) do
    if c[1] == 'o' then mine[i] = tonumber(c[2]) end
  end
  pending = pending + each[i]
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2 + i])) do
    local group = {}
    for k = 1, #g, 2 do group[g[k]] = g[k + 1] end
    if group['name'] == ARGV[1] and #redis.call('XRANGE', KEYS[2 + i], '(' .. group['last-delivered-id'], '+', 'COUNT', 1) > 0 then
      waiting = waiting + 1
    end
  end
  local dl = KEYS[2 + shards + i]
  local first = redis.call('ZRANGE', dl, 0, 0, 'WITHSCORES')
  if first[2] then
    delayed = delayed + redis.call('ZCARD', dl)
    if not next or tonumber(first[2]) < tonumber(next) then next = first[2] end
  end
end
-- What the original appends is counted when it is finished, and not when it comes: there is at least what one can see.
local unread = math.max(tonumber(load[1] or '0') - tonumber(load[2] or '0') - pending - delayed, waiting)
local due = {}
for i = 3 + 2 * shards, #KEYS do
  due[#due + 1] = redis.call('ZCOUNT', KEYS[i], '-inf', '(0')
  due[#due + 1] = redis.call('ZCOUNT', KEYS[i], 0, ARGV[3])
  due[#due + 1] = redis.call('ZCOUNT', KEYS[i], '(' .. ARGV[3], '+inf')
end
return {unread, delayed, next or '', redis.call('XLEN', KEYS[2]), due, each, mine}
