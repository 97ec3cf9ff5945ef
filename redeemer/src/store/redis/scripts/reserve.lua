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

local spent, is_spent, holder = {}, false, nil
for _, key in ipairs(keys) do
    for j = key.first, key.last, 2 do
        local mark = ARGV[j + 1]
        local is_old = call('HEXISTS', bucket(key, mark), sub(mark, 2)) == 1
        spent[#spent + 1] = is_old and '1' or '0'
        is_spent = is_spent or is_old
        holder = holder or call('HGET', KEYS[2], key.ordinal .. ':' .. mark)
    end
end
if is_spent then
    return { 'spent', table.concat(spent) }
elseif holder then
    return { 'held', holder }
end

local work = {}
for i, key in ipairs(keys) do
    local marks = {}
    for j = key.first, key.last, 2 do
        if ARGV[j] == '1' then
            marks[#marks + 1] = ARGV[j + 1]
            call('HSET', KEYS[2], key.ordinal .. ':' .. ARGV[j + 1], ARGV[5])
        end
    end
    key.marks, key.totals, key.entries = marks, KEYS[4], KEYS[5]
    work[i] = key
end
call('HSET', KEYS[3], 'version', version, 'work', cmsgpack.pack(work))
call('SADD', KEYS[#KEYS], ARGV[5])
return { 'done', '' }
