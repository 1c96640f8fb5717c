-- KEYS[1]: the set. Gives its members, each followed by the milliseconds for which it is still left alone.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local resting = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now), '+inf', 'WITHSCORES')
for at = 2, #resting, 2 do
  resting[at] = math.floor(resting[at] - now)
end
return resting
