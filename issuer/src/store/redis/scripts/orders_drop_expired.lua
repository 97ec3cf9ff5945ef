-- Drops orders that expired unpaid.
-- KEYS[2] pending-orders; ARGV[2] what the names of orders begin with, ARGV[3] the same of order ids, ARGV[4] the last
-- day of expiry, ARGV[5] how many at most.
-- Returns how many it dropped.
if moving then
    return 0
end
local doomed = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[4], 'LIMIT', 0, ARGV[5])
for _, claim in ipairs(doomed) do
    local order = ARGV[2] .. claim
    local id = redis.call('HGET', order, 'id')
    -- A release that knew no pending orders may have had it paid.
    if id and redis.call('HGET', order, 'revision') == '0' then
        redis.call('DEL', order, ARGV[3] .. id)
    end
    redis.call('ZREM', KEYS[2], claim)
end
return #doomed
