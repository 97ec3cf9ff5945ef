-- Moves marks of a set of version 1, which is one Redis set, into buckets. Until the last is moved the set keeps its
-- version, and whoever redeems refuses it.
-- KEYS[2] spent-set:ID, [3] spent-marks:ID, [4] spent-set-ordinal; ARGV[2] the version that it gets, [3] what the names of
-- buckets begin with, [4] bits that tell a mark's bucket, [5] how many marks at most.
-- Returns 'more', 'done' or 'lost'.
local set = redis.call('HMGET', KEYS[2], 'version', 'closed', 'marks', 'ordinal', 'witness')
if tonumber(set[1]) >= tonumber(ARGV[2]) then
    return 'done'
end
if set[2] == '1' then
    redis.call('UNLINK', KEYS[3])
    redis.call('HSET', KEYS[2], 'version', ARGV[2], 'ordinal', redis.call('INCR', KEYS[4]), 'bucket-bits', 0)
    return 'done'
end
local ordinal = set[4]
if not ordinal then
    if tonumber(set[3]) ~= redis.call('SCARD', KEYS[3]) then
        return 'lost'
    end
    ordinal = redis.call('INCR', KEYS[4])
    redis.call('HSET', KEYS[2], 'ordinal', ordinal, 'bucket-bits', ARGV[4])
end
local shift, witness = 2 ^ (24 - tonumber(ARGV[4])), set[5]
for _, mark in ipairs(redis.call('SPOP', KEYS[3], ARGV[5])) do
    local a, b, c = string.byte(mark, 1, 3)
    local number = math.floor((a * 65536 + b * 256 + c) / shift)
    redis.call('HSETNX', ARGV[3] .. ordinal .. ':' .. number, string.sub(mark, 2), '')
    if not witness then
        witness = mark
        redis.call('HSET', KEYS[2], 'witness', mark)
    end
end
if redis.call('EXISTS', KEYS[3]) == 1 then
    return 'more'
end
redis.call('HSET', KEYS[2], 'version', ARGV[2])
return 'done'
