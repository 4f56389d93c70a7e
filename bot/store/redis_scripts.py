"""What Redis does in one step each: claim, beat, release, wake and a worker's pulse.

The keys of one kind of lanes carry one hash tag, so that on Redis Cluster they lie together and the kinds apart:

    due     sorted set  lane -> when it is due; lanes that nobody holds
    held    sorted set  lane -> when its lease ends
    tokens  hash        lane -> whose claim it is
    woken   sorted set  lane -> when it is due again; lanes that were woken while somebody held them
    era     text        made anew wherever it is missing: a changed era means that lanes were forgotten
    idle    sorted set  where to call a worker that waits for lanes -> when it got some last
    watched text        when the next lane falls due, where somebody looks then: all others come a moment later, if at all

One worker is called for a lane, not all: each that comes costs a step. Whoever is called in vain (it is killed, paused or has no
room) is followed by the others, which look a moment after the lane is due, or within their poll. Called first is whoever got
lanes last: it is awake, and puts more into each claim and each commit than two that take turns. Where it has too much to do it
does not come back so soon, and others are called.

Times are microseconds of Redis's own clock. All of it is made again from the Store, so every key may go and has a time to live.
"""

from __future__ import annotations

_NOW = "local t = redis.call('TIME') local now = t[1] * 1000000 + t[2]"

_CALL = """
local function call(idle, watched, everybody)
  local head = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  local word = math.max(0, head[2] - now)
  redis.call('SET', watched, head[2], 'PX', math.floor(word / 1000) + 60000)
  local first = redis.call('ZPOPMAX', idle)
  while first[1] do
    if redis.call('PUBLISH', first[1], word) > 0 then return end
    first = redis.call('ZPOPMAX', idle)
  end
  redis.call('PUBLISH', everybody, word)
end
"""
"""Tells one who waits in how many microseconds the first lane is due, and everybody where nobody waits or all of them are gone.

Whoever is called waits no more until it claims again: one that is gone is called once at most.
"""

CLAIM = f"""
{_NOW}
local due, held, tokens, woken, era, idle, watched = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local most, lease, token, ttl, everybody = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[5]
local me, behind = ARGV[7], tonumber(ARGV[8])
{_CALL}
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
if #lanes == most then
  -- It may have no room now, and looks again by itself as soon as it has some.
  redis.call('ZREM', idle, me)
  if head[2] and head[2] - now <= 0 then call(idle, watched, everybody) end
  next = 0
else
  if #lanes > 0 then redis.call('ZADD', idle, now, me) else redis.call('ZADD', idle, 'NX', now, me) end
  if head[2] then
    next = math.max(0, head[2] - now)
    if redis.call('GET', watched) == head[2] then
      next = next + behind
    else
      redis.call('SET', watched, head[2], 'PX', math.floor(next / 1000) + 60000)
    end
  end
  head = redis.call('ZRANGE', held, 0, 0, 'WITHSCORES')
  if head[2] and (next < 0 or head[2] - now < next) then next = math.max(0, head[2] - now) end
end
for i = 1, 6 do redis.call('PEXPIRE', KEYS[i], ttl) end
return {{redis.call('GET', era), next, lanes}}
"""
"""KEYS all seven; ARGV most lease token ttl everybody new-era me behind -> era, microseconds until there may be more, lanes.

Whoever gets fewer than it asked for is called when there is more; `behind` is by how much it leaves others the first look.
"""

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
local due, held, tokens, woken, idle, watched = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local ttl, everybody, told = ARGV[1], ARGV[2], false
{_CALL}
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
if told then call(idle, watched, everybody) end
redis.call('PEXPIRE', due, ttl)
return answers
"""
"""KEYS due held tokens woken idle watched; ARGV ttl everybody, then of each its lane, token, microseconds until it is due again
(-1: not)."""

WAKE = f"""
{_NOW}
local due, tokens, woken, idle, watched = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local ttl, everybody, told = ARGV[1], ARGV[2], false
{_CALL}
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
if not told then  -- nobody has come for a while, though somebody waits: whoever was called is gone
  local head = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  told = head[2] and head[2] + 100000 < now and redis.call('EXISTS', idle) == 1
end
if told then call(idle, watched, everybody) end
"""
"""KEYS due tokens woken idle watched; ARGV ttl everybody, then of each its lane, microseconds until it is due, 1 (0: only if it
is unknown).

Those that are woken together fall due in their order."""

LEAVE = f"""
{_NOW}
local due, idle, watched = KEYS[1], KEYS[2], KEYS[3]
{_CALL}
redis.call('ZREM', idle, ARGV[2])
if redis.call('EXISTS', due) == 1 then call(idle, watched, ARGV[1]) end
"""
"""KEYS due idle watched; ARGV everybody me. Whoever leaves may have been called: somebody else is, instead."""

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
