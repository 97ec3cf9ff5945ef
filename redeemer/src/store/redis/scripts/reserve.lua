-- Reserves the tokens of a redemption that lie in this group, one of several, and keeps what is to be done if it is
-- committed. After tokens.lua.
--
-- KEYS[2] held-marks, [3] unfinished:ID, and beside those of tokens.lua the last one is unfinished; ARGV[5] the
-- redemption's id and the number of the group that decides, one byte.
--
-- Returns {'lost', ''}, {'closed', flags} or {'spent', flags} as redeem.lua does, {'held', id and group} when another
-- redemption that is not finished holds one of the tokens, or {'done', ''}. Only then something was written.
local keys = read_keys()
local refused = refusal(keys)
if refused then
    return refused
end

local spent = spent_flags(keys)
if spent then
    return { 'spent', spent }
end

for _, key in ipairs(keys) do
    for at = 1, #key.marks, SIZE do
        local holder = call('HGET', KEYS[2], held(key, at))
        if holder then
            return { 'held', holder }
        end
    end
end

for _, key in ipairs(keys) do
    if key.count == 0 then
        key.marks = ''
    end
    for at = 1, #key.marks, SIZE do
        call('HSET', KEYS[2], held(key, at), ARGV[5])
    end
    key.totals, key.entries = KEYS[4], KEYS[5]
end
call('HSET', KEYS[3], 'version', version, 'work', cmsgpack.pack(keys))
call('SADD', KEYS[#KEYS], ARGV[5])
return { 'done', '' }
