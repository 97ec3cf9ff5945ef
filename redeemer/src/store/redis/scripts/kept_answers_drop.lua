-- Drops answers that are no longer kept.
-- KEYS[2] kept-answers-by-end; ARGV[2] what the names of answers begin with, ARGV[3] now, ARGV[4] how many at most.
-- Returns how many it dropped.
local doomed = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[3], 'LIMIT', 0, ARGV[4])
for _, mac in ipairs(doomed) do
    redis.call('DEL', ARGV[2] .. mac)
    redis.call('ZREM', KEYS[2], mac)
end
return #doomed
