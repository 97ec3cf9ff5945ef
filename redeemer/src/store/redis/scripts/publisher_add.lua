-- Keeps a new publisher unless another has its name or its API key, or has or had its id.
-- KEYS[2] publishers, [3] publisher-names, [4] api-keys; ARGV[2] id, [3] name, [4] record, [5..] hashes of its API keys.
-- Returns 'done', 'id-taken', 'key-taken' or 'name-taken'.
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 1 then
    return 'id-taken'
end
for i = 5, #ARGV do
    if redis.call('HEXISTS', KEYS[4], ARGV[i]) == 1 then
        return 'key-taken'
    end
end
if redis.call('HSETNX', KEYS[3], ARGV[3], ARGV[2]) == 0 then
    return 'name-taken'
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
for i = 5, #ARGV do
    redis.call('HSET', KEYS[4], ARGV[i], ARGV[2])
end
return 'done'
