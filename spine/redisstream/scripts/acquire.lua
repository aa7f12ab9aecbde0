#!lua flags=allow-oom
-- Sent once for each token, never repeated.
-- KEYS own, in, then due of every organ
-- ARGV service, node, new token, token seen, beat seen, '1' for who rewinds or removes the service
local o = redis.call('HMGET', KEYS[1], 'tok', 'beat', 'epoch', 'node', 'c', 'p', 'organs', 'mute', 'clearing')
local tok, beat = o[1] or '', o[2] or ''
if tok ~= '' and (tok ~= ARGV[4] or beat ~= ARGV[5]) then return {'HELD', tok, beat, o[4] or ''} end
if o[9] and ARGV[6] ~= '1' then return {'CLEARING'} end
local last
if redis.call('EXISTS', KEYS[2]) == 1 then
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
    if g[2] == ARGV[1] then
      for i = 1, #g, 2 do
        if g[i] == 'last-delivered-id' then last = g[i + 1] end
      end
    end
  end
end
if not last then return {'LOST'} end
local due = {}
for i = 3, #KEYS do
  local first = redis.call('ZRANGEBYSCORE', KEYS[i], 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  due[#due + 1] = redis.call('ZCARD', KEYS[i])
  due[#due + 1] = redis.call('ZCOUNT', KEYS[i], '-inf', '(0')
  due[#due + 1] = first[2] or ''
end
local epoch = string.format('%d', tonumber(o[3] or '0') + 1)
redis.call('HSET', KEYS[1], 'tok', ARGV[3], 'beat', '1', 'epoch', epoch, 'node', ARGV[2], 'h', '',
  'c', o[5] or '0', 'p', o[6] or '0')
return {'OK', o[5] or '0', o[6] or '0', last, o[7] or '', epoch, tok, due, o[8] or ''}
