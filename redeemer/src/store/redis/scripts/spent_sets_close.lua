-- Closes, for ever, the sets of keys whose tokens are refused since a day; none if a later release wrote one of them.
-- KEYS[2] spent-sets; ARGV[2] version, ARGV[3] what the names of sets begin with, ARGV[4] the day.
if moving then
    return
end
local ended = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local set = redis.call('HMGET', ARGV[3] .. id, 'version', 'redeem-until')
    if tonumber(set[1]) > tonumber(ARGV[2]) then
        return newer('spent set', set[1], ARGV[2])
    end
    if tonumber(set[2]) <= tonumber(ARGV[4]) then
        ended[#ended + 1] = ARGV[3] .. id
    end
end
for _, set in ipairs(ended) do
    redis.call('HSET', set, 'closed', 1)
end
