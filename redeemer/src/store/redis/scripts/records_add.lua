-- Adds records to a publisher's, if those are still the ones that were seen; they are only ever added.
-- KEYS[2] statements:PUBLISHER or payouts:PUBLISHER; ARGV[2] how many were seen, then for each to add: its id, its record.
-- Returns whether it did.
if redis.call('HLEN', KEYS[2]) ~= tonumber(ARGV[2]) then
    return 0
end
for i = 3, #ARGV, 2 do
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
return 1
