-- Completes a group: its birth record takes the place of the marker. KEYS[1] restoring, [2] birth; ARGV[2] the record.
-- It may be there already, from before a command died; another never is replaced.
local found = redis.call('GET', KEYS[2])
if found and found ~= ARGV[2] then
    return redis.error_reply('TAKEN there is another store by now')
end
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1], KEYS[1] .. '-confirmed')
