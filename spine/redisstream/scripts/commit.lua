#!lua flags=allow-oom
-- All that follows from a batch of settlements, at once or not at all. Everything up to the first write only
-- reads; nothing after it can fail.
--
-- KEYS own, in, load, then as many as are referred to by number; and where there is more than finished and events: prog,
-- sus, letters, bell
-- ARGV token, commit, highest pull of its entries, service, trim ('' or the oldest id to retain, '+' for none), pull ('', or
-- the number of one that is read behind the commit), last hand-out seen, then sections, each with its length first:
--   finished   stream ids to acknowledge
--   events     key, field, entry
-- and if any of these has something, all of them (most commits end here, and what is not there costs nothing):
--   types      of the numbered keys; '' where it shows before the first write
--   cells      key, base, '1' to drop what is there of it, n, then n words of HSET
--   forgotten  stream ids without progress from now on
--   progress   stream id, progress
--   delayed    key of dl, key of dlp, due, entry
--   letters    n, then n words of XADD
--   deferred   stream ids that go to consumer d
--   survived   fields of sus to delete
--   scores     key, score, member: of due and idle
local call = redis.call
local o = redis.pcall('HMGET', KEYS[1], 'tok', 'c', 'p', 'h')
if o.err then return {'CORRUPT', KEYS[1]} end
if o[1] ~= ARGV[1] then return {'FENCED'} end
if o[2] == ARGV[2] then return {'OK'} end
if tonumber(o[2]) ~= tonumber(ARGV[2]) - 1 or tonumber(o[3]) < tonumber(ARGV[3]) then return {'REACQUIRE'} end
local pulls = ARGV[6] ~= ''
if pulls and (tonumber(o[3]) ~= tonumber(ARGV[6]) - 1 or o[4] ~= ARGV[7]) then return {'REACQUIRE'} end

local fixed, service = 3, ARGV[4]
local nfinished, finished = tonumber(ARGV[8]), 9
local nevents, events = tonumber(ARGV[9 + nfinished]), 10 + nfinished
local at = events + 3 * nevents
local accepted = nevents

-- A key of a type of somebody else's making would stop the script half-way. A stream that is appended to shows its type by that.
local function typed(key, want)
  local got = call('TYPE', key).ok
  return got == 'none' or got == want
end
if (nevents == 0 or tonumber(ARGV[events]) ~= 2 - fixed) and not typed(KEYS[2], 'stream') then return {'CORRUPT', KEYS[2]} end

local more = ARGV[at] and {}
if more then
  local function section(width)
    local n, from = tonumber(ARGV[at]), at + 1
    at = from + n * width
    return {n = n, from = from, to = at - 1}
  end
  local types = section(1)
  for i = 1, types.n do
    local want = ARGV[types.from + i - 1]
    if want ~= '' and not typed(KEYS[fixed + i], want) then return {'CORRUPT', KEYS[fixed + i]} end
  end
  -- Cells vary in length: note where each begins, and what is to be dropped.
  more.cells = {}
  at = at + 1
  for i = 1, tonumber(ARGV[at - 1]) do
    local key = KEYS[fixed + tonumber(ARGV[at])]
    local cell = redis.pcall('HMGET', key, 'n', ARGV[at + 2] == '1' and 'zs' or 'n')
    if cell.err then return {'CORRUPT', key} end
    if (cell[1] or '0') ~= ARGV[at + 1] then return {'REACQUIRE', key} end
    cell.at = at
    more.cells[i] = cell
    at = at + 4 + tonumber(ARGV[at + 3])
  end
  more.forgotten, more.progress, more.delayed = section(1), section(2), section(4)
  more.letters, more.letter = tonumber(ARGV[at]), at + 1
  at = at + 1
  for _ = 1, more.letters do at = at + 1 + tonumber(ARGV[at]) end
  more.away, more.survived, more.scores = section(1), section(1), section(3)

  more.prog, more.sus, more.dead, more.bell = KEYS[#KEYS - 3], KEYS[#KEYS - 2], KEYS[#KEYS - 1], KEYS[#KEYS]
  if more.forgotten.n + more.progress.n > 0 and not typed(more.prog, 'hash') then return {'CORRUPT', more.prog} end
  if more.survived.n > 0 and not typed(more.sus, 'hash') then return {'CORRUPT', more.sus} end
  if more.letters > 0 and not typed(more.dead, 'stream') then return {'CORRUPT', more.dead} end
  if more.delayed.n > 0 and not typed(more.bell, 'stream') then return {'CORRUPT', more.bell} end
  accepted = accepted + more.delayed.n
end

-- From here on it writes. What could fail comes first, and can be undone: a stream whose last id is the highest there
-- is takes nothing more.
local added, corrupt = {}, nil
for i = events, events + 3 * nevents - 3, 3 do
  local key, field, entry = KEYS[fixed + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2]
  -- The original's form has a second field for what its reader does not know.
  local cut, id = field == 'event' and string.find(entry, '\n', 1, true), nil
  if cut then
    id = redis.pcall('XADD', key, '*', field, string.sub(entry, 1, cut - 1), 'envelope', string.sub(entry, cut + 1))
  else
    id = redis.pcall('XADD', key, '*', field, entry)
  end
  if type(id) ~= 'string' then
    corrupt = key
    break
  end
  added[#added + 1] = id
end
if not corrupt and nfinished > 0 and type(redis.pcall('HINCRBY', KEYS[3], 'a:' .. service, nfinished)) ~= 'number' then
  corrupt = KEYS[3]
end
if not corrupt and accepted > 0 and type(redis.pcall('HINCRBY', KEYS[3], 'in', accepted)) ~= 'number' then
  corrupt = KEYS[3]
end
if corrupt then
  for i, id in ipairs(added) do call('XDEL', KEYS[fixed + tonumber(ARGV[events + 3 * i - 3])], id) end
  return {'CORRUPT', corrupt}
end

if nfinished > 0 then call('XACK', KEYS[2], service, unpack(ARGV, finished, finished + nfinished - 1)) end
if more then
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
  for _, cell in ipairs(more.cells) do
    local c, n, whole = cell.at, cell[1], cell[2]
    local key = KEYS[fixed + tonumber(ARGV[c])]
    -- A state that was written in place by the last change stands alone: there is nothing else to drop.
    if ARGV[c + 2] == '1' and n and whole ~= n then drop(key, n) end
    call('HSET', key, unpack(ARGV, c + 4, c + 3 + tonumber(ARGV[c + 3])))
  end
  if more.forgotten.n > 0 then call('HDEL', more.prog, unpack(ARGV, more.forgotten.from, more.forgotten.to)) end
  if more.progress.n > 0 then call('HSET', more.prog, unpack(ARGV, more.progress.from, more.progress.to)) end
  for i = more.delayed.from, more.delayed.to, 4 do
    local dlp = KEYS[fixed + tonumber(ARGV[i + 1])]
    local number = string.format('%016d', call('HINCRBY', dlp, '#', 1))
    call('ZADD', KEYS[fixed + tonumber(ARGV[i])], ARGV[i + 2], number)
    call('HSET', dlp, number, ARGV[i + 3])
  end
  if more.delayed.n > 0 then call('XADD', more.bell, 'MAXLEN', '~', 16, '*', 'delayed', more.delayed.n) end
  local letter = more.letter
  for _ = 1, more.letters do
    local words = tonumber(ARGV[letter])
    call('XADD', more.dead, '*', unpack(ARGV, letter + 1, letter + words))
    letter = letter + 1 + words
  end
  if more.away.n > 0 then
    local ids = {unpack(ARGV, more.away.from, more.away.to)}
    ids[#ids + 1] = 'JUSTID'
    call('XCLAIM', KEYS[2], service, 'd', 0, unpack(ids))
  end
  if more.survived.n > 0 then call('HDEL', more.sus, unpack(ARGV, more.survived.from, more.survived.to)) end
  for i = more.scores.from, more.scores.to, 3 do
    call('ZADD', KEYS[fixed + tonumber(ARGV[i])], ARGV[i + 1], ARGV[i + 2])
  end
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
