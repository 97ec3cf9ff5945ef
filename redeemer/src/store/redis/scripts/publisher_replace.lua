-- Replaces a publisher that is still as it was seen, and what it is found by.
-- KEYS[2] publishers, [3] publisher-names, [4] api-keys; ARGV[2] id, [3] record seen, [4] record, [5] name seen, [6] name,
-- each empty if there is none, [7] how many API keys are in force, then their hashes, then those of the keys that were.
-- Returns 'done', 'changed' when it is not as it was seen, or 'name-taken' or 'key-taken' when another has the name or a key.
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then
    return 'changed'
end
local first_seen = 8 + tonumber(ARGV[7])
for i = 8, first_seen - 1 do
    local owner = redis.call('HGET', KEYS[4], ARGV[i])
    if owner and owner ~= ARGV[2] then
        return 'key-taken'
    end
end
if ARGV[5] ~= ARGV[6] then
    if ARGV[6] ~= '' and redis.call('HSETNX', KEYS[3], ARGV[6], ARGV[2]) == 0 then
        return 'name-taken'
    end
    if ARGV[5] ~= '' then
        redis.call('HDEL', KEYS[3], ARGV[5])
    end
end
for i = first_seen, #ARGV do
    redis.call('HDEL', KEYS[4], ARGV[i])
end
for i = 8, first_seen - 1 do
    redis.call('HSET', KEYS[4], ARGV[i], ARGV[2])
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
return 'done'
