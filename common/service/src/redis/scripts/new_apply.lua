-- Does commands. ARGV[2..]: of each, how many words it has, and the words.
local at = 2
while at <= #ARGV do
    local last = at + tonumber(ARGV[at])
    redis.call(unpack(ARGV, at + 1, last))
    at = last + 1
end
