"""What Redis does in one step each for breakers, paces, limits and copies. Times are those of Redis's own clock."""

from __future__ import annotations

_NOW_MS = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)"
_NOW_MICROS = "local t = redis.call('TIME') local now = t[1] * 1000000 + t[2]"

# Breakers: KEYS standings (hash, vendor -> JSON); ARGV ttl channel vendor ...
# failures in a row, cool (ms; 0: closed), till (when somebody may try), who (tries), held (until when that counts).
_STANDING = f"""
{_NOW_MS}
local ttl, channel, vendor = ARGV[1], ARGV[2], ARGV[3]
local kept = redis.call('HGET', KEYS[1], vendor)
local s = kept and cjson.decode(kept) or {{failures = 0, cool = 0, till = 0, who = '', held = 0}}
local function left() return string.format('%d', math.max(0, s.till - now)) end
local function cool() return string.format('%d', s.cool) end
local function keep()
  redis.call('HSET', KEYS[1], vendor, cjson.encode(s))
  redis.call('PEXPIRE', KEYS[1], ttl)
end
"""

FAILED = f"""
{_STANDING}
local most, first, longest, who = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7]
s.failures = s.failures + 1
if s.cool > 0 and who ~= '' and s.who == who then
  s.cool = math.min(2 * s.cool, longest)
  s.till, s.who = now + s.cool, ''
elseif s.cool == 0 and s.failures >= most then
  s.cool, s.till = first, now + first
end
keep()
redis.call('PUBLISH', channel, s.failures .. ' ' .. cool() .. ' ' .. left() .. ' ' .. vendor)
return {{s.failures, cool(), left()}}
"""
"""... ARGV failures-that-open cool-down longest who-tried-or-nothing -> failures, cool-down, ms until somebody may try."""

WORKED = """
redis.call('HDEL', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[2], '0 0 0 ' .. ARGV[3])
"""

MAY_TRY = f"""
{_STANDING}
local who, hold = ARGV[4], tonumber(ARGV[5])
local ours = s.cool > 0 and now >= s.till and (s.who == '' or s.who == who or now >= s.held)
if ours then
  s.who, s.held = who, now + hold
  keep()
end
return {{ours and 1 or 0, s.failures, cool(), left()}}
"""
"""... ARGV who ms-after-which-a-silent-try-is-over -> 1 if it is theirs, failures, cool-down, ms until somebody may try."""

GIVEN_UP = f"""
{_STANDING}
if kept and s.who == ARGV[4] then
  s.who = ''
  keep()
end
"""

STANDINGS = f"""
{_NOW_MS}
local all, kept = {{}}, redis.call('HGETALL', KEYS[1])
for i = 1, #kept, 2 do
  local s = cjson.decode(kept[i + 1])
  all[#all + 1] = {{kept[i], s.failures, string.format('%d', s.cool), string.format('%d', math.max(0, s.till - now))}}
end
return all
"""
"""KEYS standings -> of each vendor its name, failures, cool-down, ms until somebody may try."""

PACE = f"""
{_NOW_MICROS}
local queued, wait, lefts = tonumber(ARGV[1]), 0, {{}}
for i, key in ipairs(KEYS) do
  local most, each = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1]) / 1000000
  local kept = redis.call('HMGET', key, 'left', 'at', 'paused')
  local left = math.min(most, (tonumber(kept[1]) or most) + (now - (tonumber(kept[2]) or now)) * each)
  if left < 1 then wait = math.max(wait, math.ceil((1 - left) / each)) end
  wait = math.max(wait, (tonumber(kept[3]) or 0) - now)
  lefts[i] = left - 1
end
if wait <= queued then
  for i, key in ipairs(KEYS) do
    local most, each = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1]) / 1000
    redis.call('HSET', key, 'left', string.format('%.6f', lefts[i]), 'at', string.format('%d', now))
    redis.call('PEXPIRE', key, math.ceil((most - lefts[i]) / each) + 1000)
  end
end
return string.format('%d', wait)
"""
"""KEYS buckets; ARGV microseconds that a send may wait, then of each bucket how many at once, how many a second -> microseconds
to wait; up to the bound, one was taken out of each."""

PAUSE = f"""
{_NOW_MICROS}
local till = now + tonumber(ARGV[1])
if till > (tonumber(redis.call('HGET', KEYS[1], 'paused')) or 0) then
  redis.call('HSET', KEYS[1], 'paused', string.format('%d', till))
end
redis.call('PEXPIRE', KEYS[1], math.max(redis.call('PTTL', KEYS[1]), math.ceil(tonumber(ARGV[1]) / 1000) + 1000))
"""
"""KEYS bucket; ARGV microseconds in which nothing is taken out of it."""

LIMIT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if count <= tonumber(ARGV[1]) then return 0 end
return math.max(1, redis.call('PTTL', KEYS[1]))
"""
"""KEYS counter; ARGV most window (ms) -> 0 where it is allowed, else ms until the window is over."""

GET = "return redis.call('GET', KEYS[1])"
PUT = "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])"
FORGET = "redis.call('DEL', KEYS[1])"
TELL = "redis.call('PUBLISH', ARGV[1], ARGV[2])"
