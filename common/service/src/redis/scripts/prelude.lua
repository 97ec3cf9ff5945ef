-- Stands before every script. KEYS[1] birth, ARGV[1] the birth record by which whoever asks knows the store.
--
-- Another record refuses, unless the mark beside it says that it took the place of the known one while the store is being
-- moved. Then the names of keys that are written, of the tables that the mark names, are logged. The few commands that
-- write several keys drop something, and nothing is dropped meanwhile.
local redis, moving = redis, false
do
    local birth = redis.call('GET', KEYS[1])
    if birth ~= ARGV[1] then
        local mark = redis.call('HMGET', KEYS[1] .. '-move', 'before', 'during', 'state', 'to', 'ahead')
        if not birth or mark[1] ~= ARGV[1] or mark[2] ~= birth then
            return redis.error_reply('BIRTH the birth record is gone or another')
        elseif mark[3] ~= 'moving' then
            return redis.error_reply('MIGRATED ' .. mark[4])
        end
        moving = true
        local call, log = redis.call, KEYS[1] .. '-changed'
        local reading = {
            GET = 1, EXISTS = 1, TYPE = 1, HGET = 1, HMGET = 1, HGETALL = 1, HEXISTS = 1, HVALS = 1, HKEYS = 1, HLEN = 1,
            SMEMBERS = 1, SISMEMBER = 1, SCARD = 1, ZCARD = 1, ZCOUNT = 1, ZRANGE = 1, ZRANGEBYSCORE = 1,
        }
        redis = setmetatable({
            call = function(command, key, ...)
                local table = not reading[command] and string.match(key, '^[^:]*:([^:]*)')
                if table and string.find(mark[5], ':' .. table .. ':', 1, true) then
                    call('SADD', log, key)
                end
                return call(command, key, ...)
            end,
        }, { __index = redis })
    end
end
-- The words, as those of a record that does not decode, for a hash that a later release wrote.
local function newer(kind, found, known)
    return redis.error_reply('VERSION a record (' .. kind .. ') has version ' .. found .. ', this release reads up to '
        .. known .. ': install the newer release that wrote it')
end
