#!lua flags=allow-oom
-- All that follows from a batch of settlements, at once or not at all. Everything up to the first write only
-- reads; nothing after it can fail.
--
-- KEYS own, in, prog, sus, load, letters, bell, then as many as are referred to by number
-- ARGV token, commit, highest pull of its entries, service, trim ('' or the oldest id to retain, '+' for none), then
-- sections, each with its length first:
--   types      of the numbered keys
--   cells      key, base, '1' to drop what is there of it, n, then n words of HSET
--   finished   stream ids to acknowledge
--   forgotten  stream ids without progress from now on
--   progress   stream id, progress
--   events     key, field, entry
--   delayed    key of dl, key of dlp, due, entry
--   letters    n, then n words of XADD
--   deferred   stream ids that go to consumer d
--   survived   fields of sus to delete
--   scores     key, score, member: of due and idle
local function typed(key, want)
  local got = redis.call('TYPE', key).ok
  return got == 'none' or got == want
end
if not typed(KEYS[1], 'hash') then return {'CORRUPT', KEYS[1]} end
local o = redis.call('HMGET', KEYS[1], 'tok', 'c', 'p')
if o[1] ~= ARGV[1] then return {'FENCED'} end
if o[2] == ARGV[2] then return {'OK'} end
if tonumber(o[2]) ~= tonumber(ARGV[2]) - 1 or tonumber(o[3]) < tonumber(ARGV[3]) then return {'REACQUIRE'} end

local fixed = 7
for i, want in ipairs({'hash', 'stream', 'hash', 'hash', 'hash', 'stream', 'stream'}) do
  if not typed(KEYS[i], want) then return {'CORRUPT', KEYS[i]} end
end
local at = 6
local function section(width)
  local n, from = tonumber(ARGV[at]), at + 1
  at = from + n * width
  return n, from
end
local n, from = section(1)
for i = 0, n - 1 do
  if not typed(KEYS[fixed + 1 + i], ARGV[from + i]) then return {'CORRUPT', KEYS[fixed + 1 + i]} end
end

-- Cells vary in length: note where each begins, and what is to be dropped.
local cells = tonumber(ARGV[at])
at = at + 1
local begins, drops = {}, {}
for i = 1, cells do
  begins[i] = at
  local key = KEYS[fixed + tonumber(ARGV[at])]
  drops[i] = redis.call('HMGET', key, 'n', ARGV[at + 2] == '1' and 'zs' or 'n')
  if (drops[i][1] or '0') ~= ARGV[at + 1] then return {'REACQUIRE', key} end
  at = at + 4 + tonumber(ARGV[at + 3])
end

local nfinished, finished = section(1)
local nforgotten, forgotten = section(1)
local nprogress, progress = section(2)
local nevents, events = section(3)

-- From here on it writes. What could fail comes first, and can be undone: a stream whose last id is the highest there
-- is takes nothing more.
local added = {}
local function add(key, field, entry)
  -- The original's form has a second field for what its reader does not know.
  local cut = field == 'event' and string.find(entry, '\n', 1, true)
  local id
  if cut then
    id = redis.pcall('XADD', key, '*', field, string.sub(entry, 1, cut - 1), 'envelope', string.sub(entry, cut + 1))
  else
    id = redis.pcall('XADD', key, '*', field, entry)
  end
  if type(id) ~= 'string' then return false end
  added[#added + 1] = {key, id}
  return true
end
for i = events, events + 3 * nevents - 3, 3 do
  local key = KEYS[fixed + tonumber(ARGV[i])]
  if not add(key, ARGV[i + 1], ARGV[i + 2]) then
    for _, x in ipairs(added) do redis.call('XDEL', x[1], x[2]) end
    return {'CORRUPT', key}
  end
end
local function drop(key, n)
  local c = redis.call('HMGET', key, 'i', 's', 'sp', 'p', 'pp')
  local first, last = tonumber(c[1] or '1'), tonumber(n)
  while first <= last do
    local fields = {}
    for r = first, math.min(last, first + 999) do fields[#fields + 1] = string.format('r%d', r) end
    redis.call('HDEL', key, unpack(fields))
    first = first + 1000
  end
  for k = 2, 4, 2 do
    for i = 1, tonumber(c[k + 1] or '0') do redis.call('HDEL', key, 's' .. c[k] .. '.' .. i) end
  end
  redis.call('HDEL', key, 's', 'sp', 'sm', 'p', 'pp', 'pm', 'zs', 'z')
  redis.call('HSET', key, 'i', string.format('%d', last + 1))
end
for i = 1, cells do
  local c = begins[i]
  local key = KEYS[fixed + tonumber(ARGV[c])]
  -- A state that was written in place by the last change stands alone: there is nothing else to drop.
  local n, whole = drops[i][1], drops[i][2]
  if ARGV[c + 2] == '1' and n and whole ~= n then drop(key, n) end
  redis.call('HSET', key, unpack(ARGV, c + 4, c + 3 + tonumber(ARGV[c + 3])))
end

local service = ARGV[4]
if nfinished > 0 then
  redis.call('XACK', KEYS[2], service, unpack(ARGV, finished, finished + nfinished - 1))
  redis.call('HINCRBY', KEYS[5], 'a:' .. service, nfinished)
end
if nforgotten > 0 then redis.call('HDEL', KEYS[3], unpack(ARGV, forgotten, forgotten + nforgotten - 1)) end
if nprogress > 0 then redis.call('HSET', KEYS[3], unpack(ARGV, progress, progress + 2 * nprogress - 1)) end
local accepted = nevents
n, from = section(4)
accepted = accepted + n
for i = from, from + 4 * n - 4, 4 do
  local dlp = KEYS[fixed + tonumber(ARGV[i + 1])]
  local number = string.format('%016d', redis.call('HINCRBY', dlp, '#', 1))
  redis.call('ZADD', KEYS[fixed + tonumber(ARGV[i])], ARGV[i + 2], number)
  redis.call('HSET', dlp, number, ARGV[i + 3])
end
if n > 0 then redis.call('XADD', KEYS[7], 'MAXLEN', '~', 16, '*', 'delayed', n) end
if accepted > 0 then redis.call('HINCRBY', KEYS[5], 'in', accepted) end
local letters = tonumber(ARGV[at])
at = at + 1
for i = 1, letters do
  local words = tonumber(ARGV[at])
  redis.call('XADD', KEYS[6], '*', unpack(ARGV, at + 1, at + words))
  at = at + 1 + words
end
n, from = section(1)
if n > 0 then
  local ids = {unpack(ARGV, from, from + n - 1)}
  ids[#ids + 1] = 'JUSTID'
  redis.call('XCLAIM', KEYS[2], service, 'd', 0, unpack(ids))
end
n, from = section(1)
if n > 0 then redis.call('HDEL', KEYS[4], unpack(ARGV, from, from + n - 1)) end
n, from = section(3)
for i = from, from + 3 * n - 3, 3 do
  redis.call('ZADD', KEYS[fixed + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2])
end

if ARGV[5] ~= '' then
  local function before(a, b)
    local ams, aseq = string.match(a, '(%d+)-(%d+)')
    local bms, bseq = string.match(b, '(%d+)-(%d+)')
    if #ams ~= #bms then return #ams < #bms end
    if ams ~= bms then return ams < bms end
    if #aseq ~= #bseq then return #aseq < #bseq end
    return aseq < bseq
  end
  local low
  if ARGV[5] ~= '+' then low = ARGV[5] end
  for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[2])) do
    local mark
    for i = 1, #g, 2 do
      if g[i] == 'last-delivered-id' then mark = g[i + 1] end
    end
    local pending = redis.call('XPENDING', KEYS[2], g[2])
    if pending[1] > 0 then mark = pending[2] end
    if not low or before(mark, low) then low = mark end
  end
  redis.call('XTRIM', KEYS[2], 'MINID', '~', low)
end
redis.call('HSET', KEYS[1], 'c', ARGV[2])
return {'OK'}
