-- Keeps a new order unless its claim owns one.
-- KEYS[2] orders:CLAIM, KEYS[3] order-ids:ID; ARGV[2] record, ARGV[3] revision, ARGV[4] claim.
-- Returns the record of the order that the claim owns already, or false.
local known = redis.call('HGET', KEYS[2], 'record')
if known then
    return known
end
redis.call('HSET', KEYS[2], 'record', ARGV[2], 'revision', ARGV[3])
redis.call('SET', KEYS[3], ARGV[4])
return false
