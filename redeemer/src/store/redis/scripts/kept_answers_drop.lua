-- Drops what is kept until a second: answers, or decisions.
-- KEYS[2] what is kept, by its end; ARGV[2] what its names begin with, ARGV[3] now, ARGV[4] how many at most.
-- Returns how many it dropped.
if moving then
    return 0
end
local doomed = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
for _, name in ipairs(doomed) do
    redis.call('DEL', ARGV[2] .. name)
    redis.call('ZREM', KEYS[2], name)
end
return #doomed
