#!lua
-- Closes the store to everybody else, so that it can be moved to other shards, and says how it is.
-- KEYS meta, load, then in of every shard, dl of every shard, then for each service own of every shard
-- ARGV store id as it was read, one that is new, shards, services, then their names, then the tokens of their shards
local call, shards, services = redis.call, tonumber(ARGV[3]), tonumber(ARGV[4])
local m = call('HMGET', KEYS[1], 'store', 'layout', 'attempts', 'moving')
local again = m[1] == ARGV[2]
if not again and m[1] ~= ARGV[1] then return {'LOST'} end
local known = 0
for _, field in ipairs(call('HKEYS', KEYS[2])) do
  if string.sub(field, 1, 2) == 'a:' then known = known + 1 end
end
if known ~= services then return {'SERVICES'} end
for i = 1, services * shards do
  if call('HGET', KEYS[2 + 2 * shards + i], 'tok') ~= ARGV[4 + services + i] then return {'FENCED'} end
end
local attempt = m[4]
if not again then
  attempt = string.format('%d', tonumber(m[3] or '0') + 1)
  if m[2] ~= 'moving' then call('HSET', KEYS[1], 'was', m[1]) end
  call('HSET', KEYS[1], 'layout', 'moving', 'store', ARGV[2], 'attempts', attempt, 'moving', attempt, 'step', '0')
end
local answer = {'OK', attempt}
for i = 1, shards do
  local x = {'0-0', 0, call('ZCARD', KEYS[2 + shards + i]), {}}
  if call('EXISTS', KEYS[2 + i]) == 1 then
    local info = call('XINFO', 'STREAM', KEYS[2 + i])
    for k = 1, #info, 2 do
      if info[k] == 'last-generated-id' then x[1] = info[k + 1] end
    end
    x[2] = call('XLEN', KEYS[2 + i])
    for _, g in ipairs(call('XINFO', 'GROUPS', KEYS[2 + i])) do
      for k = 1, #g, 2 do
        if g[k] == 'name' then x[4][#x[4] + 1] = g[k + 1] end
        if g[k] == 'last-delivered-id' then x[4][#x[4] + 1] = g[k + 1] end
      end
    end
  end
  answer[2 + i] = x
end
return answer
