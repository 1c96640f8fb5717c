-- Takes what a call needs from every limit that applies to it, or nothing from any.
-- KEYS: one for each limit. ARGV: the call's id, then for each key its kind, limit, amount and span (ms).
-- Answers {1, mended, place of each} or {0, mended, the limit that was met, used, wait (ms; -1: unknown)}.
-- The time is the server's, so that clocks of machines need not agree. Where it was set back, what seems to lie in the future counts as
-- of now, so that nothing waits for it. What cannot be read (another program wrote there) is taken away and told as mended.
local SLICES = 60
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local mended = 0

local function prepare(key, type)
  local found = redis.call('TYPE', key).ok
  if found ~= type and found ~= 'none' then
    redis.call('DEL', key)
    mended = mended + 1
  end
end

local function whole(text)
  local number = tonumber(text)
  if number and number == math.floor(number) and math.abs(number) < 2 ^ 53 then
    return number
  end
end

local look = {}

-- A sliding window, in slices: the one that is running and as many as fill the span. The oldest counts until it has left entirely.
function look.window(key, limit, amount, span)
  prepare(key, 'hash')
  local width = math.max(1, math.ceil(span / SLICES))
  local slice = math.floor(now / width)
  local used, late, gone, kept = 0, 0, {}, {}
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local at, count = whole(fields[i]), whole(fields[i + 1])
    if not at or not count then
      mended = mended + 1
      gone[#gone + 1] = fields[i]
    elseif at < slice - SLICES then
      gone[#gone + 1] = fields[i]
    else
      if at > slice then
        late = late + count
        gone[#gone + 1] = fields[i]
        at = slice
      end
      used = used + count
      kept[#kept + 1] = {at, count}
    end
  end
  for i = 1, #gone do
    redis.call('HDEL', key, gone[i])
  end
  if late > 0 then
    redis.call('HINCRBY', key, slice, late)
    redis.call('PEXPIRE', key, span * 2)
  end
  if used + amount <= limit then
    return nil, used, 0, function()
      if amount > 0 then
        redis.call('HINCRBY', key, slice, amount)
        redis.call('PEXPIRE', key, span * 2)
      end
      return slice
    end
  end
  table.sort(kept, function(a, b) return a[1] < b[1] end)
  local left = used
  for i = 1, #kept do
    left = left - kept[i][2]
    if left + amount <= limit then
      return true, used, math.max(1, (kept[i][1] + SLICES + 1) * width - now)
    end
  end
  return true, used, -1
end

-- Calls on their way. Each holds a lease, which it renews: what a process held that died becomes free.
function look.parallel(key, limit, amount, span, id)
  prepare(key, 'zset')
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  local late = redis.call('ZRANGEBYSCORE', key, '(' .. (now + 2 * span), '+inf')
  for i = 1, #late do
    redis.call('ZADD', key, now + span, late[i])
  end
  local used = redis.call('ZCARD', key)
  if used + 1 > limit and not redis.call('ZSCORE', key, id) then
    return true, used, -1
  end
  return nil, used, 0, function()
    redis.call('ZADD', key, now + span, id)
    redis.call('PEXPIRE', key, span * 2)
    return 0
  end
end

-- What was spent since the period began, and what calls on their way may come to. Those that nobody settles count as they were guessed.
function look.budget(key, limit, amount, span, id, lease)
  prepare(key, 'hash')
  local spent, start, held, over = 0, nil, 0, {}
  local fields = redis.call('HGETALL', key)
  for i = 1, #fields, 2 do
    local name, text = fields[i], fields[i + 1]
    if name == 'spent' then
      spent = whole(text)
      if not spent then
        mended = mended + 1
        spent = 0
        redis.call('HSET', key, 'spent', 0)
      end
    elseif name == 'start' then
      start = whole(text)
    else
      local guess, due = string.match(text, '^(%d+) (%d+)$')
      guess, due = whole(guess), whole(due)
      if not guess or not due or string.sub(name, 1, 2) ~= 'h:' then
        mended = mended + 1
        redis.call('HDEL', key, name)
      elseif due <= now then
        over[#over + 1] = {name, guess}
      elseif name ~= 'h:' .. id then
        held = held + guess
        if due > now + 2 * lease then
          redis.call('HSET', key, name, string.format('%.0f %.0f', guess, now + lease))
        end
      end
    end
  end
  if start and start > now then
    start = now
    redis.call('HSET', key, 'start', now)
  end
  if span > 0 and start and now >= start + span then
    start, spent = nil, 0
    redis.call('HDEL', key, 'start')
    redis.call('HSET', key, 'spent', 0)
  end
  for i = 1, #over do
    spent = spent + over[i][2]
    redis.call('HDEL', key, over[i][1])
    redis.call('HINCRBY', key, 'spent', over[i][2])
  end
  local used = spent + held
  if used >= limit or used + amount > limit then
    return true, used, (span > 0 and start) and start + span - now or -1
  end
  return nil, used, 0, function()
    redis.call('HSET', key, 'h:' .. id, string.format('%.0f %.0f', amount, now + lease))
    if not start then
      redis.call('HSET', key, 'start', now)
    end
    if span > 0 then
      redis.call('PEXPIRE', key, span + 2 * lease)
    end
    return 0
  end
end

local id, lease = ARGV[1], tonumber(ARGV[2])
local takes, met = {}, nil
for i = 1, #KEYS do
  local at = 3 + (i - 1) * 4
  local kind, limit, amount, span = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local full, used, wait, take = look[kind](KEYS[i], limit, amount, span, id, lease)
  if full and (not met or (wait >= 0 and met[3] >= 0 and wait > met[3])) then
    met = {i, used, wait}
  end
  takes[i] = take
end
if met then
  return {0, mended, met[1], met[2], met[3]}
end
local answer = {1, mended}
for i = 1, #KEYS do
  answer[i + 2] = takes[i]()
end
return answer
