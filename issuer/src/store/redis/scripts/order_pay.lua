-- Replaces an order and uses up the voucher that paid it.
-- KEYS[2] orders:CLAIM, KEYS[3] vouchers:HASH, KEYS[4] pending-orders; ARGV[2] revision seen, ARGV[3] record,
-- ARGV[4] revision, ARGV[5] order id, ARGV[6] claim.
-- Returns 0 done, 1 the order has changed, 2 the voucher is unknown or used.
if redis.call('HGET', KEYS[2], 'revision') ~= ARGV[2] then
    return 1
end
if redis.call('HEXISTS', KEYS[3], 'record') == 0 or redis.call('HEXISTS', KEYS[3], 'used-by') == 1 then
    return 2
end
redis.call('HSET', KEYS[3], 'used-by', ARGV[5])
redis.call('HSET', KEYS[2], 'record', ARGV[3], 'revision', ARGV[4])
redis.call('ZREM', KEYS[4], ARGV[6])
return 0
