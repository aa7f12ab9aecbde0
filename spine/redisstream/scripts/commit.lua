#!lua flags=allow-oom
-- All that follows from a batch of settlements, at once or not at all. Everything up to the first write only
-- reads; nothing after it can fail.
--
-- KEYS own, in, prog, sus, load, letters, bell, then as many as are referred to by number
-- ARGV token, commit, highest pull of its entries, service, trim ('' or the oldest id to retain, '+' for none), pull ('', or
-- the number of one that is read behind the commit), last hand-out seen, then sections, each with its length first:
--   types      of the numbered keys; '' where it shows before the first write
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
local call = redis.call
local function typed(key, want)
  local got = call('TYPE', key).ok
  return got == 'none' or got == want
end
local o = redis.pcall('HMGET', KEYS[1], 'tok', 'c', 'p', 'h')
if o.err then return {'CORRUPT', KEYS[1]} end
if o[1] ~= ARGV[1] then return {'FENCED'} end
if o[2] == ARGV[2] then return {'OK'} end
if tonumber(o[2]) ~= tonumber(ARGV[2]) - 1 or tonumber(o[3]) < tonumber(ARGV[3]) then return {'REACQUIRE'} end
local pulls = ARGV[6] ~= ''
if pulls and (tonumber(o[3]) ~= tonumber(ARGV[6]) - 1 or o[4] ~= ARGV[7]) then return {'REACQUIRE'} end

local fixed = 7
local at = 8
local function section(width)
  local n, from = tonumber(ARGV[at]), at + 1
  at = from + n * width
  return n, from
end
local n, from = section(1)
for i = 0, n - 1 do
  local want = ARGV[from + i]
  if want ~= '' and not typed(KEYS[fixed + 1 + i], want) then return {'CORRUPT', KEYS[fixed + 1 + i]} end
end

-- Cells vary in length: note where each begins, and what is to be dropped.
local cells = tonumber(ARGV[at])
at = at + 1
local begins, drops = {}, {}
for i = 1, cells do
  begins[i] = at
  local key = KEYS[fixed + tonumber(ARGV[at])]
  drops[i] = redis.pcall('HMGET', key, 'n', ARGV[at + 2] == '1' and 'zs' or 'n')
  if drops[i].err then return {'CORRUPT', key} end
  if (drops[i][1] or '0') ~= ARGV[at + 1] then return {'REACQUIRE', key} end
  at = at + 4 + tonumber(ARGV[at + 3])
end

local nfinished, finished = section(1)
local nforgotten, forgotten = section(1)
local nprogress, progress = section(2)
local nevents, events = section(3)
local ndelayed, delayed = section(4)
local letters = tonumber(ARGV[at])
at = at + 1
local firstLetter = at
for _ = 1, letters do at = at + 1 + tonumber(ARGV[at]) end
local naway, away = section(1)
local nsurvived, survived = section(1)
local nscores, scores = section(3)

-- A key of a type of somebody else's making would stop the script half-way. A stream that is appended to shows its type by that.
local accepted = nevents + ndelayed
local inward = nevents > 0 and tonumber(ARGV[events]) == 2 - fixed
if not inward and not typed(KEYS[2], 'stream') then return {'CORRUPT', KEYS[2]} end
if nforgotten + nprogress > 0 and not typed(KEYS[3], 'hash') then return {'CORRUPT', KEYS[3]} end
if nsurvived > 0 and not typed(KEYS[4], 'hash') then return {'CORRUPT', KEYS[4]} end
if letters > 0 and not typed(KEYS[6], 'stream') then return {'CORRUPT', KEYS[6]} end
if ndelayed > 0 and not typed(KEYS[7], 'stream') then return {'CORRUPT', KEYS[7]} end

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
    for _, x in ipairs(added) do call('XDEL', x[1], x[2]) end
    return {'CORRUPT', key}
  end
end
local service = ARGV[4]
for i, count in ipairs({nfinished, accepted}) do
  if count > 0 and type(redis.pcall('HINCRBY', KEYS[5], i == 1 and 'a:' .. service or 'in', count)) ~= 'number' then
    for _, x in ipairs(added) do call('XDEL', x[1], x[2]) end
    return {'CORRUPT', KEYS[5]}
  end
end
local function drop(key, n)
  local c = call('HMGET', key, 'i', 's', 'sp', 'p', 'pp')
  local first, last = tonumber(c[1] or '1'), tonumber(n)
  while first <= last do
    local fields = {}
    for r = first, math.min(last, first + 999) do fields[#fields + 1] = string.format('r%d', r) end
    call('HDEL', key, unpack(fields))
    first = first + 1000
  end
  for k = 2, 4, 2 do
    for i = 1, tonumber(c[k + 1] or '0') do call('HDEL', key, 's' .. c[k] .. '.' .. i) end
  end
  call('HDEL', key, 's', 'sp', 'sm', 'p', 'pp', 'pm', 'zs', 'z')
  call('HSET', key, 'i', string.format('%d', last + 1))
end
for i = 1, cells do
  local c = begins[i]
  local key = KEYS[fixed + tonumber(ARGV[c])]
  -- A state that was written in place by the last change stands alone: there is nothing else to drop.
  local n, whole = drops[i][1], drops[i][2]
  if ARGV[c + 2] == '1' and n and whole ~= n then drop(key, n) end
  call('HSET', key, unpack(ARGV, c + 4, c + 3 + tonumber(ARGV[c + 3])))
end

if nfinished > 0 then call('XACK', KEYS[2], service, unpack(ARGV, finished, finished + nfinished - 1)) end
if nforgotten > 0 then call('HDEL', KEYS[3], unpack(ARGV, forgotten, forgotten + nforgotten - 1)) end
if nprogress > 0 then call('HSET', KEYS[3], unpack(ARGV, progress, progress + 2 * nprogress - 1)) end
for i = delayed, delayed + 4 * ndelayed - 4, 4 do
  local dlp = KEYS[fixed + tonumber(ARGV[i + 1])]
  local number = string.format('%016d', call('HINCRBY', dlp, '#', 1))
  call('ZADD', KEYS[fixed + tonumber(ARGV[i])], ARGV[i + 2], number)
  call('HSET', dlp, number, ARGV[i + 3])
end
if ndelayed > 0 then call('XADD', KEYS[7], 'MAXLEN', '~', 16, '*', 'delayed', ndelayed) end
at = firstLetter
for _ = 1, letters do
  local words = tonumber(ARGV[at])
  call('XADD', KEYS[6], '*', unpack(ARGV, at + 1, at + words))
  at = at + 1 + words
end
if naway > 0 then
  local ids = {unpack(ARGV, away, away + naway - 1)}
  ids[#ids + 1] = 'JUSTID'
  call('XCLAIM', KEYS[2], service, 'd', 0, unpack(ids))
end
if nsurvived > 0 then call('HDEL', KEYS[4], unpack(ARGV, survived, survived + nsurvived - 1)) end
for i = scores, scores + 3 * nscores - 3, 3 do
  call('ZADD', KEYS[fixed + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2])
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
  for _, g in ipairs(call('XINFO', 'GROUPS', KEYS[2])) do
    local mark
    for i = 1, #g, 2 do
      if g[i] == 'last-delivered-id' then mark = g[i + 1] end
    end
    local pending = call('XPENDING', KEYS[2], g[2])
    if pending[1] > 0 then mark = pending[2] end
    if not low or before(mark, low) then low = mark end
  end
  call('XTRIM', KEYS[2], 'MINID', '~', low)
end
if not pulls then
  call('HSET', KEYS[1], 'c', ARGV[2])
  return {'OK'}
end
call('HSET', KEYS[1], 'c', ARGV[2], 'p', ARGV[6], 'h', '')
return {'OK', ARGV[6]}
