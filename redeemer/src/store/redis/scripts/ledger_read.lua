-- KEYS[2] credit-entries:PUBLISHER, [3] adjustments:PUBLISHER; ARGV[2] version, ARGV[3] what the names of the publisher's
-- credits begin with.
-- Returns rows of entry (day and denomination), denomination and tokens; and the records of adjustments; in no order.
local rows = {}
for _, entry in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    local credit = redis.call('HMGET', ARGV[3] .. entry, 'version', 'denomination', 'tokens')
    if not credit[1] then
        return redis.error_reply('MISSING a credit is not there')
    elseif tonumber(credit[1]) > tonumber(ARGV[2]) then
        return newer('credit', credit[1], ARGV[2])
    end
    rows[#rows + 1] = { entry, credit[2], tonumber(credit[3]) }
end
return { rows, redis.call('HVALS', KEYS[3]) }
