-- KEYS[2..] vouchers:HASH, ARGV[2..] their records.
for i = 2, #KEYS do
    redis.call('HSET', KEYS[i], 'record', ARGV[i])
end
