-- Closes, for ever, the sets of keys whose tokens are refused since a day.
-- KEYS[2] spent-sets; ARGV[2] what the names of sets begin with, ARGV[3] the day.
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local set = ARGV[2] .. id
    if tonumber(redis.call('HGET', set, 'redeem-until')) <= tonumber(ARGV[3]) then
        redis.call('HSET', set, 'closed', 1)
    end
end
