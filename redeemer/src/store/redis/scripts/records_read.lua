-- KEYS[2] statements:PUBLISHER or payouts:PUBLISHER; ARGV[2] the id of one, or nothing. Returns the records, in no order.
if ARGV[2] then
    local found = redis.call('HGET', KEYS[2], ARGV[2])
    return found and { found } or {}
end
return redis.call('HVALS', KEYS[2])
