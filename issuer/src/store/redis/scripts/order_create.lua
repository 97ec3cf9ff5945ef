-- Keeps a new order unless its claim owns one or too many wait for payment.
-- KEYS[2] orders:CLAIM, KEYS[3] order-ids:ID, KEYS[4] pending-orders; ARGV[2] record, ARGV[3] revision, ARGV[4] claim,
-- ARGV[5] order id, ARGV[6] the day on which it was made, ARGV[7] the day on which it expires, ARGV[8] how many orders
-- may wait.
-- Returns 0 kept, 1 and the record of the order that the claim owns already, 2 too many wait.
local known = redis.call('HGET', KEYS[2], 'record')
if known then
    return { 1, known }
end
if redis.call('ZCOUNT', KEYS[4], '(' .. ARGV[6], '+inf') >= tonumber(ARGV[8]) then
    return { 2, false }
end
redis.call('HSET', KEYS[2], 'record', ARGV[2], 'revision', ARGV[3], 'id', ARGV[5])
redis.call('SET', KEYS[3], ARGV[4])
redis.call('ZADD', KEYS[4], ARGV[7], ARGV[4])
return { 0, false }
