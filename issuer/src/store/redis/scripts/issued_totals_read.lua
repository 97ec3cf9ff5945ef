-- KEYS[2] issued-totals; ARGV[2] what the names of the counts begin with.
-- Returns rows of key and day, denomination, tokens, orders, in no order.
local rows = {}
for _, entry in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local count = redis.call('HMGET', ARGV[2] .. entry, 'denomination', 'tokens', 'orders')
    rows[#rows + 1] = { entry, count[1], tonumber(count[2]), tonumber(count[3]) }
end
return rows
