-- What settles a batch at the least: journals, emitted events, acknowledgements, trimming. No checks.
-- KEYS: the stream, then the journal of each record.
-- ARGV: group, ID below which all is done, number of acknowledgements n; n IDs; the records; the emitted events.
local ids, records = tonumber(ARGV[3]), #KEYS - 1
local at = 3 + ids
for i = 1, records do
  redis.call('XADD', KEYS[1 + i], '*', 'r', ARGV[at + i])
end
for i = at + records + 1, #ARGV do
  redis.call('XADD', KEYS[1], '*', 'e', ARGV[i])
end
redis.call('XACK', KEYS[1], ARGV[1], unpack(ARGV, 4, at))
redis.call('XTRIM', KEYS[1], 'MINID', '~', ARGV[2])
return 'OK'
