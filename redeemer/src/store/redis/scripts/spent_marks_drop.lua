-- Drops buckets of closed sets.
-- KEYS[2] spent-sets; ARGV[2] what the names of sets begin with, ARGV[3] those of buckets, ARGV[4] how many at most.
-- Returns how many it dropped.
if moving then
    return 0
end
local left = tonumber(ARGV[4])
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local set = redis.call('HMGET', ARGV[2] .. id, 'closed', 'ordinal', 'bucket-bits', 'dropped')
    local from, to = tonumber(set[4] or '0'), 2 ^ tonumber(set[3] or '0')
    if left > 0 and set[1] == '1' and from < to then
        local last = math.min(to, from + left)
        for number = from, last - 1 do
            redis.call('UNLINK', ARGV[3] .. set[2] .. ':' .. number)
        end
        redis.call('HSET', ARGV[2] .. id, 'dropped', last)
        left = left - (last - from)
    end
end
return tonumber(ARGV[4]) - left
