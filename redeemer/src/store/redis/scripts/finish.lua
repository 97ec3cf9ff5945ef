-- Does what a redemption has reserved in this group, or lets go of it. A redemption that was finished before is left as
-- it is. After tokens.lua.
--
-- KEYS[2] held-marks, [3] unfinished:ID, [4] unfinished; ARGV[4] 'commit' or 'abort', [5] the redemption's id and the
-- number of the group that decided, one byte.
local kept = call('HMGET', KEYS[3], 'version', 'work')
if not kept[1] then
    call('SREM', KEYS[4], ARGV[5])
    return
elseif tonumber(kept[1]) > version then
    return newer('unfinished redemption', kept[1], version)
end
for _, key in ipairs(cmsgpack.unpack(kept[2])) do
    for at = 1, #key.marks, SIZE do
        if ARGV[4] == 'commit' then
            local bucket, field = place(key, at)
            call('HSETNX', bucket, field, '')
        end
        call('HDEL', KEYS[2], held(key, at))
    end
    if ARGV[4] == 'commit' and key.marks ~= '' then
        key.witness = call('HGET', key.set, 'witness')
        credit(key, key.totals, key.entries)
    end
end
call('DEL', KEYS[3])
call('SREM', KEYS[4], ARGV[5])
