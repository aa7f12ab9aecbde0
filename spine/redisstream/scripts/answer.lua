#!lua
-- Puts an answer into the asker's box. It counts only where the token under which it was made still owns the shard, and the store
-- has the last commit that it may rest on: else the asker is told that the cell has moved.
-- KEYS own, box of the asker
-- ARGV token ('': it was not made by an owner), commit, most messages in a box, its life in ms, number and try of the question,
-- then status, kind and text of the answer
local o = redis.call('HMGET', KEYS[1], 'tok', 'c')
local status, kind, text = ARGV[7], ARGV[8], ARGV[9]
if ARGV[1] == '' or o[1] ~= ARGV[1] or tonumber(o[2] or '0') < tonumber(ARGV[2]) then
  status, kind, text = 'moved', '', ''
end
if redis.call('XLEN', KEYS[2]) >= tonumber(ARGV[3]) then return 'FULL' end
redis.call('XADD', KEYS[2], '*', 'answer', ARGV[5], 'try', ARGV[6], 'status', status, 'kind', kind, 'text', text)
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return status
