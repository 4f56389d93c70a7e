"""What Redis does in one step each: claim, beat, release, wake and a worker's pulse.

The keys of one kind of lanes carry one hash tag, so that on Redis Cluster they lie together and the kinds apart:

    due     sorted set  lane -> when it is due; lanes that nobody holds
    held    sorted set  lane -> when its lease ends
    tokens  hash        lane -> whose claim it is
    woken   sorted set  lane -> when it is due again; lanes that were woken while somebody held them
    era     text        made anew wherever it is missing: a changed era means that lanes were forgotten

Times are microseconds of Redis's own clock. All of it is made again from the Store, so every key may go and has a time to live.
"""

from __future__ import annotations

_NOW = "local t = redis.call('TIME') local now = t[1] * 1000000 + t[2]"

CLAIM = f"""
{_NOW}
local due, held, tokens, woken, era = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local most, lease, token, ttl, channel = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
redis.call('SET', era, ARGV[6], 'NX')
-- Whoever has not beaten within its lease is gone: its lanes have been due since then.
local gone = redis.call('ZRANGEBYSCORE', held, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 500)
for i = 1, #gone, 2 do
  redis.call('ZADD', due, 'LT', gone[i + 1], gone[i])
  redis.call('ZREM', held, gone[i])
  redis.call('HDEL', tokens, gone[i])
  redis.call('ZREM', woken, gone[i])
end
local lanes = redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, most)
if #lanes > 0 then
  local leases, claims = {{}}, {{}}
  for i, lane in ipairs(lanes) do
    leases[2 * i - 1], leases[2 * i] = now + lease, lane
    claims[2 * i - 1], claims[2 * i] = lane, token
  end
  redis.call('ZREM', due, unpack(lanes))
  redis.call('ZADD', held, unpack(leases))
  redis.call('HSET', tokens, unpack(claims))
end
local next = -1
local head = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
if head[2] then next = math.max(0, head[2] - now) end
if next == 0 and #lanes > 0 then redis.call('PUBLISH', channel, '') end
head = redis.call('ZRANGE', held, 0, 0, 'WITHSCORES')
if head[2] and (next < 0 or head[2] - now < next) then next = math.max(0, head[2] - now) end
for i = 1, 5 do redis.call('PEXPIRE', KEYS[i], ttl) end
return {{redis.call('GET', era), next, lanes}}
"""
"""KEYS all five; ARGV most lease token ttl channel new-era -> era, microseconds until there may be more, lanes."""

BEAT = f"""
{_NOW}
local held, tokens, lease = KEYS[1], KEYS[2], tonumber(ARGV[1])
local kept = {{}}
for i = 3, #ARGV, 2 do
  local lane, ends = ARGV[i], redis.call('ZSCORE', held, ARGV[i])
  local ours = redis.call('HGET', tokens, lane) == ARGV[i + 1] and ends and tonumber(ends) > now
  if ours then redis.call('ZADD', held, now + lease, lane) end
  kept[(i - 1) / 2] = ours and 1 or 0
end
redis.call('PEXPIRE', held, ARGV[2])
redis.call('PEXPIRE', tokens, ARGV[2])
return kept
"""
"""KEYS held tokens; ARGV lease ttl, then lane and token of each -> 1 for each that is kept, else 0."""

RELEASE = f"""
{_NOW}
local due, held, tokens, woken = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local ttl, channel, told = ARGV[1], ARGV[2], false
local answers = {{}}
for i = 3, #ARGV, 3 do
  local lane, again = ARGV[i], tonumber(ARGV[i + 2])
  local ours = redis.call('HGET', tokens, lane) == ARGV[i + 1]
  if ours then
    redis.call('HDEL', tokens, lane)
    redis.call('ZREM', held, lane)
    local at = redis.call('ZSCORE', woken, lane)
    at = at and tonumber(at)
    redis.call('ZREM', woken, lane)
    if again >= 0 and (not at or now + again < at) then at = now + again end
    if at then
      redis.call('ZADD', due, 'LT', at, lane)
      told = told or redis.call('ZRANK', due, lane) == 0
    end
  end
  answers[i / 3] = ours and 1 or 0
end
redis.call('PEXPIRE', due, ttl)
if told then redis.call('PUBLISH', channel, '') end
return answers
"""
"""KEYS due held tokens woken; ARGV ttl channel, then lane, token and microseconds until it is due again (-1: not) of each."""

WAKE = f"""
{_NOW}
local due, tokens, woken = KEYS[1], KEYS[2], KEYS[3]
local ttl, channel, told = ARGV[1], ARGV[2], false
for i = 3, #ARGV, 3 do
  local lane, at, always = ARGV[i], now + i / 3 + ARGV[i + 1], ARGV[i + 2] == '1'
  if redis.call('HEXISTS', tokens, lane) == 1 then
    if always then redis.call('ZADD', woken, 'LT', at, lane) end
  elseif always or not redis.call('ZSCORE', due, lane) then
    redis.call('ZADD', due, 'LT', at, lane)
    told = told or redis.call('ZRANK', due, lane) == 0
  end
end
redis.call('PEXPIRE', due, ttl)
redis.call('PEXPIRE', woken, ttl)
if told then redis.call('PUBLISH', channel, '') end
"""
"""KEYS due tokens woken; ARGV ttl channel, then of each its lane, microseconds until it is due, 1 (0: only if it is unknown).

Those that are woken together fall due in their order."""

PULSE = """
local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)
local workers, turn, lease = KEYS[1], KEYS[2], tonumber(ARGV[2])
redis.call('ZADD', workers, now + 3 * lease, ARGV[1])
redis.call('ZREMRANGEBYSCORE', workers, '-inf', now)
redis.call('PEXPIRE', workers, 10 * lease)
return redis.call('SET', turn, ARGV[1], 'NX', 'PX', lease) and 1 or 0
"""
"""KEYS workers turn; ARGV worker lease (ms) -> 1 when it is this worker's turn to look for work that nobody told of."""

WORKERS = """
local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)
return redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. now, '+inf')
"""
"""KEYS workers -> the workers that have beaten of late."""
