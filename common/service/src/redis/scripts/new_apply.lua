-- Does commands. KEYS[2] birth; ARGV[2..]: of each, how many words it has, and the words.
if redis.call('EXISTS', KEYS[2]) == 1 then
    return redis.error_reply('TAKEN there is another store by now')
end
local at = 2
while at <= #ARGV do
    local last = at + tonumber(ARGV[at])
    redis.call(unpack(ARGV, at + 1, last))
    at = last + 1
end
