-- Opens the sets of keys that never had one.
-- KEYS[2] spent-sets, KEYS[3..] spent-set:ID; ARGV[2] version, then for each: id, day from which tokens are refused.
for i = 3, #KEYS do
    local id, redeem_until = ARGV[2 * i - 3], ARGV[2 * i - 2]
    if redis.call('SISMEMBER', KEYS[2], id) == 0 then
        redis.call('HSET', KEYS[i], 'version', ARGV[2], 'redeem-until', redeem_until, 'closed', 0, 'marks', 0)
        redis.call('SADD', KEYS[2], id)
    end
end
