-- Adds records to a publisher's, if all that the decision was made by is still what was seen; records are only ever added.
-- KEYS[2] statements:PUBLISHER or payouts:PUBLISHER, to which is added, then others that were looked at; ARGV[2] and so on
-- how many were seen in each, then for each to add: its id, its record.
-- Returns whether it did.
for i = 2, #KEYS do
    if redis.call('HLEN', KEYS[i]) ~= tonumber(ARGV[i]) then
        return 0
    end
end
for i = #KEYS + 1, #ARGV, 2 do
    redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
return 1
