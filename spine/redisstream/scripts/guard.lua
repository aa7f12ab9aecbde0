#!lua flags=allow-oom
-- The first of a pull's commands: may this owner pull, and what that was deferred is due?
-- KEYS own, in, prog, then due of organs
-- ARGV token, pull, last commit answered, last hand-out seen, service, now, then for every due how many to hand out; where
-- the script is to read as well: after which id, and how many
local o = redis.call('HMGET', KEYS[1], 'tok', 'c', 'p', 'h')
if o[1] ~= ARGV[1] then return {'FENCED'} end
local pull, last = tonumber(ARGV[2]), tonumber(o[3])
if tonumber(o[2]) < tonumber(ARGV[3]) then return {'REACQUIRE'} end
local h = o[4]
if last ~= pull then
  if last ~= pull - 1 or h ~= ARGV[4] then return {'REACQUIRE'} end
  local ids, taken = {}, {}
  for i = 4, #KEYS do
    local room = tonumber(ARGV[i + 3])
    if room > 0 then
      for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[i], '-inf', ARGV[6], 'LIMIT', 0, room)) do
        if not taken[id] then
          taken[id] = true
          ids[#ids + 1] = id
        end
      end
    end
  end
  if #ids > 0 then
    for i = 4, #KEYS do redis.call('ZREM', KEYS[i], unpack(ids)) end
    ids[#ids + 1] = 'JUSTID'
    redis.call('XCLAIM', KEYS[2], ARGV[5], 'o', 0, unpack(ids))
    ids[#ids] = nil
  end
  h = table.concat(ids, ' ')
  redis.call('HSET', KEYS[1], 'p', ARGV[2], 'h', h)
end
local handed, due = {}, {}
for id in string.gmatch(h, '%S+') do
  local entry = redis.call('XRANGE', KEYS[2], id, id)[1]
  handed[#handed + 1] = {id, entry and entry[2] or {}, redis.call('HGET', KEYS[3], id) or ''}
end
for i = 4, #KEYS do
  local first = redis.call('ZRANGEBYSCORE', KEYS[i], 0, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  due[#due + 1] = redis.call('ZCARD', KEYS[i])
  due[#due + 1] = redis.call('ZCOUNT', KEYS[i], '-inf', '(0')
  due[#due + 1] = first[2] or ''
end
-- What the reads behind a repeat bring may have been delivered after the pull with this number: it is not to be used.
local answer = {'OK', h, handed, due, last == pull and 1 or 0}
local at = 4 + #KEYS
if ARGV[at] then
  -- A server that is out of memory refuses a transaction with reads of groups in it, but lets this script read.
  local reads = {}
  for i, id in ipairs({ARGV[at], '>'}) do
    reads[i] = redis.call('XREADGROUP', 'GROUP', ARGV[5], 'o', 'COUNT', ARGV[at + 1], 'STREAMS', KEYS[2], id) or {}
  end
  answer[6] = reads
end
return answer
