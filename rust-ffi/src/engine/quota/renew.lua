-- Tells that a call is still on its way.
-- KEYS: one for each limit that it holds something of. ARGV: the call's id, the lease (ms), then for each its kind and amount.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, lease = ARGV[1], tonumber(ARGV[2])
for i = 1, #KEYS do
  local kind, amount = ARGV[1 + i * 2], ARGV[2 + i * 2]
  if kind == 'parallel' then
    redis.pcall('ZADD', KEYS[i], now + lease, id)
    redis.pcall('PEXPIRE', KEYS[i], lease * 2)
  elseif kind == 'budget' then
    redis.pcall('HSET', KEYS[i], 'h:' .. id, string.format('%s %.0f', amount, now + lease))
  end
end
return 1
