-- KEYS[2] issued-totals; ARGV[2] version, ARGV[3] what the names of the counts begin with.
-- Returns rows of key and day, denomination, tokens, orders, in no order.
local rows = {}
for _, entry in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local count = redis.call('HMGET', ARGV[3] .. entry, 'version', 'denomination', 'tokens', 'orders')
    if not count[1] then
        return redis.error_reply('MISSING a total is not there')
    elseif tonumber(count[1]) > tonumber(ARGV[2]) then
        return newer('issued total', count[1], ARGV[2])
    end
    rows[#rows + 1] = { entry, count[2], tonumber(count[3]), tonumber(count[4]) }
end
return rows
