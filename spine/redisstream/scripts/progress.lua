#!lua flags=allow-oom
-- A fenced read of how far entries have come. Those that a dead owner had in hand are marked, and it is told how often
-- they were marked before. Nothing is marked that the owner does not have to handle, and nothing after a commit that the
-- owner did not know of: a copy that comes late would leave its marks for ever, also on what was deferred meanwhile and has
-- come again.
-- KEYS own, prog, sus, in
-- ARGV token, last commit answered, service, how many of the ids to mark, stream ids
local o = redis.call('HMGET', KEYS[1], 'tok', 'c')
if o[1] ~= ARGV[1] then return {'FENCED'} end
if tonumber(o[2]) < tonumber(ARGV[2]) then return {'REACQUIRE'} end
local most = o[2] == ARGV[2] and tonumber(ARGV[4]) or 0
local ids = {}
for i = 5, #ARGV do ids[#ids + 1] = ARGV[i] end
local progress = redis.call('HMGET', KEYS[2], unpack(ids))
for i = 1, #ids do progress[i] = progress[i] or '' end
local marked = redis.call('HMGET', KEYS[3], unpack(ids))
for i = 1, #ids do
  if i <= most and #redis.call('XPENDING', KEYS[4], ARGV[3], ids[i], ids[i], 1, 'o') > 0 then
    redis.call('HINCRBY', KEYS[3], ids[i], 1)
  end
  marked[i] = marked[i] or ''
end
return {'OK', progress, marked}
