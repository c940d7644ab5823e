# SPDX-License-Identifier: GPL-3.0-or-later
"""One line for each key that says all of it: type, content, expiry. Both sides compute it themselves, so only lines travel.

The content is brought into one form first: sets and hashes have no order, and versions write the same score in different digits.
"""

from __future__ import annotations

from collections.abc import Sequence

EXPIRY_TOLERANCE = 250
"""Milliseconds. An old server tells the time that is left and not the end, so two reads of the same end differ a little."""

SCRIPT = r"""
local function text(value) return #value .. ':' .. value end
local function pairs_of(flat)
  local found = {}
  for i = 1, #flat, 2 do found[flat[i]] = flat[i + 1] end
  return found
end
local function stream(key)
  local parts = {pairs_of(redis.call('XINFO', 'STREAM', key))['last-generated-id']}
  for _, entry in ipairs(redis.call('XRANGE', key, '-', '+')) do
    parts[#parts + 1] = entry[1]
    for _, word in ipairs(entry[2]) do parts[#parts + 1] = text(word) end
  end
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local group = pairs_of(flat)
    parts[#parts + 1] = text(group['name']) .. group['last-delivered-id']
    if group['pending'] > 0 then
      for _, row in ipairs(redis.call('XPENDING', key, group['name'], '-', '+', group['pending'])) do
        parts[#parts + 1] = row[1] .. text(row[2]) .. row[4]
      end
    end
  end
  return parts
end
local read = {
  string = function(key) return {text(redis.call('GET', key))} end,
  list = function(key)
    local parts = redis.call('LRANGE', key, 0, -1)
    for i, value in ipairs(parts) do parts[i] = text(value) end
    return parts
  end,
  set = function(key)
    local parts = redis.call('SMEMBERS', key)
    for i, value in ipairs(parts) do parts[i] = text(value) end
    table.sort(parts)
    return parts
  end,
  hash = function(key)
    local flat, parts = redis.call('HGETALL', key), {}
    for i = 1, #flat, 2 do parts[#parts + 1] = text(flat[i]) .. text(flat[i + 1]) end
    table.sort(parts)
    return parts
  end,
  zset = function(key)
    local flat, parts = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES'), {}
    for i = 1, #flat, 2 do parts[#parts + 1] = text(flat[i]) .. string.format('%.17g', tonumber(flat[i + 1])) end
    table.sort(parts)
    return parts
  end,
  stream = stream,
}
local lines = {}
for i, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then
    lines[i] = 'none - -1'
  elseif not read[kind] then
    lines[i] = kind .. ' unreadable -1'
  else
    local left, ends = redis.call('PTTL', key), -1
    if left >= 0 then
      local now = redis.call('TIME')
      ends = now[1] * 1000 + math.floor(now[2] / 1000) + left
    end
    lines[i] = kind .. ' ' .. redis.sha1hex(table.concat(read[kind](key), ' ')) .. ' ' .. string.format('%.0f', ends)
  end
end
return table.concat(lines, '\n')
"""

def same(line: str, other: str) -> bool:
    """Whether two lines say the same of a key."""
    (kind, content, ends), (other_kind, other_content, other_ends) = line.split(" "), other.split(" ")
    if (kind, content) != (other_kind, other_content) or content == "unreadable":
        return False
    if (ends == "-1") != (other_ends == "-1"):
        return False
    return abs(int(ends) - int(other_ends)) <= EXPIRY_TOLERANCE


def differing(keys: Sequence[bytes], lines: Sequence[str], others: Sequence[str]) -> list[bytes]:
    """The keys of which the two sides say different things."""
    return [key for key, line, other in zip(keys, lines, others, strict=True) if not same(line, other)]
