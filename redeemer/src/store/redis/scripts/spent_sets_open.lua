-- Opens the sets of keys that never had one.
-- KEYS[2] spent-sets, KEYS[3] spent-set-ordinal, KEYS[4..] spent-set:ID; ARGV[2] version, then for each: id, day from which tokens are refused, bits
-- that tell a mark's bucket.
for i = 4, #KEYS do
    local at = 3 * i - 9
    if redis.call('SISMEMBER', KEYS[2], ARGV[at]) == 0 then
        redis.call('HSET', KEYS[i], 'version', ARGV[2], 'redeem-until', ARGV[at + 1], 'closed', 0, 'marks', 0,
            'ordinal', redis.call('INCR', KEYS[3]), 'bucket-bits', ARGV[at + 2])
        redis.call('SADD', KEYS[2], ARGV[at])
    end
end
