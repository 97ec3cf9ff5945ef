-- Replaces an order and counts its tokens as issued.
-- KEYS[2] orders:CLAIM, KEYS[3] issued:KEY, KEYS[4] issued-totals, KEYS[5] issued-total:KEY+DAY; ARGV[2] revision seen,
-- ARGV[3] record, ARGV[4] revision, ARGV[5] claim, ARGV[6] key and day, ARGV[7] denomination, ARGV[8] tokens,
-- ARGV[9] version.
-- Returns 0 done, 1 the order has changed.
if redis.call('HGET', KEYS[2], 'revision') ~= ARGV[2] then
    return 1
end
local found = redis.call('HGET', KEYS[5], 'version')
if found and tonumber(found) > tonumber(ARGV[9]) then
    return newer('issued total', found, ARGV[9])
end
redis.call('HSET', KEYS[2], 'record', ARGV[3], 'revision', ARGV[4])
redis.call('SADD', KEYS[3], ARGV[5])
redis.call('SADD', KEYS[4], ARGV[6])
redis.call('HSET', KEYS[5], 'version', ARGV[9], 'denomination', ARGV[7])
redis.call('HINCRBY', KEYS[5], 'tokens', ARGV[8])
redis.call('HINCRBY', KEYS[5], 'orders', 1)
return 0
