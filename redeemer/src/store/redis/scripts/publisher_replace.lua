-- Replaces a publisher that is still as it was seen, and puts or removes an API key.
-- KEYS[2] publishers, [3] api-keys; ARGV[2] id, [3] record seen, [4] record, [5] 'put' or 'remove', [6] hash of the key.
-- Returns whether it did.
if redis.call('HGET', KEYS[2], ARGV[2]) ~= ARGV[3] then
    return 0
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
if ARGV[5] == 'put' then
    redis.call('HSET', KEYS[3], ARGV[6], ARGV[2])
else
    redis.call('HDEL', KEYS[3], ARGV[6])
end
return 1
