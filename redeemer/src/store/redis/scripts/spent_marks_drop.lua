-- Drops marks of closed sets.
-- KEYS[2] spent-sets; ARGV[2] what the names of sets begin with, ARGV[3] and those of their marks, ARGV[4] how many at most.
-- Returns how many it dropped.
local left = tonumber(ARGV[4])
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    if left > 0 and redis.call('HGET', ARGV[2] .. id, 'closed') == '1' then
        left = left - #redis.call('SPOP', ARGV[3] .. id, left)
    end
end
return tonumber(ARGV[4]) - left
