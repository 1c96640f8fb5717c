-- Replaces what was reserved for a call by what it used.
-- KEYS: a mark of the call, then one for each limit. ARGV: the call's id, how long the mark is kept (ms), then for each limit its kind, what
-- was reserved, what was used, span (ms) and place.
-- The mark makes it harmless to send this twice, as happens when an answer is lost. Answers 1 the first time, then 0.
local SLICES = 60
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id = ARGV[1]
if not redis.call('SET', KEYS[1], 1, 'PX', ARGV[2], 'NX') then
  return 0
end

local function is(key, type)
  local found = redis.call('TYPE', key).ok
  if found ~= type and found ~= 'none' then
    redis.call('DEL', key)
    found = 'none'
  end
  return found == type
end

local function add(key, field, amount)
  local answer = redis.pcall('HINCRBY', key, field, amount)
  if type(answer) == 'table' and answer.err then
    redis.call('HSET', key, field, amount)
  end
end

local settle = {}

function settle.window(key, reserved, used, span, place)
  local exists = is(key, 'hash')
  if used > reserved then
    local slice = math.floor(now / math.max(1, math.ceil(span / SLICES)))
    add(key, string.format('%.0f', slice), used - reserved)
    redis.call('PEXPIRE', key, span * 2)
  elseif used < reserved and exists then
    local count = tonumber(redis.call('HGET', key, place))
    if count then
      redis.call('HSET', key, place, string.format('%.0f', math.max(0, count - (reserved - used))))
    end
  end
end

function settle.parallel(key)
  if is(key, 'zset') then
    redis.call('ZREM', key, id)
  end
end

function settle.budget(key, reserved, used, span)
  is(key, 'hash')
  redis.call('HDEL', key, 'h:' .. id)
  local start = tonumber(redis.call('HGET', key, 'start'))
  if span > 0 and start and now >= start + span then
    redis.call('HDEL', key, 'spent')
    start = nil
  end
  if not start then
    redis.call('HSET', key, 'start', string.format('%.0f', now))
  end
  if used > 0 then
    add(key, 'spent', used)
  end
  if span > 0 then
    redis.call('PEXPIRE', key, span * 2)
  end
end

for i = 2, #KEYS do
  local at = 3 + (i - 2) * 5
  settle[ARGV[at]](KEYS[i], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), ARGV[at + 4])
end
return 1
