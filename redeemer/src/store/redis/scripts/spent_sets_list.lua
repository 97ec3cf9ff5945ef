-- KEYS[2] spent-sets; ARGV[2] what the names of sets begin with, ARGV[3] a version.
-- Returns the ids of the sets that have an earlier version, in their order.
local earlier, ids = {}, redis.call('SMEMBERS', KEYS[2])
table.sort(ids)
for _, id in ipairs(ids) do
    local version = redis.call('HGET', ARGV[2] .. id, 'version')
    if version and tonumber(version) < tonumber(ARGV[3]) then
        earlier[#earlier + 1] = id
    end
end
return earlier
