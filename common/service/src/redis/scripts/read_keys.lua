-- Returns the type and the content of each of KEYS[2..], all as they are at one moment: a string's bytes, or what is in a
-- hash, set or sorted set, one after the other; false where there is nothing.
local reading = { string = 'GET', hash = 'HGETALL', set = 'SMEMBERS', zset = { 'ZRANGE', 0, -1, 'WITHSCORES' } }
local contents = {}
for i = 2, #KEYS do
    local kind = redis.call('TYPE', KEYS[i]).ok
    local read = reading[kind]
    if kind == 'zset' then
        contents[#contents + 1] = { kind, redis.call(read[1], KEYS[i], read[2], read[3], read[4]) }
    elseif read then
        contents[#contents + 1] = { kind, redis.call(read, KEYS[i]) }
    else
        contents[#contents + 1] = { kind, false }
    end
end
return contents
