-- Takes tokens of a store with one group: marks them as spent, credits and counts them, and keeps the answer; all of it
-- or nothing. After tokens.lua.
--
-- KEYS[2] kept-answers:MAC, [3] kept-answers-by-end; ARGV[5] now, [6] when the answer is forgotten, [7] its record,
-- [8] its MAC.
--
-- Returns {'kept', record} when the request was answered before, {'lost', ''} when a set is not there or not whole,
-- {'closed', flags} or {'spent', flags} when that is so of keys or marks (a '1' each) and nothing was written, or
-- {'done', ''}.
local kept = call('HMGET', KEYS[2], 'record', 'forget-from')
if kept[1] and tonumber(ARGV[5]) < tonumber(kept[2]) then
    return { 'kept', kept[1] }
end

local keys = read_keys()
local refused = refusal(keys)
if refused then
    return refused
end

-- All marks are written as if none were there: when one is, which is rare, those that were not are taken back.
local spent, is_spent, added = {}, false, {}
for _, key in ipairs(keys) do
    for j = key.first, key.last, 2 do
        local mark = ARGV[j + 1]
        local name, field = bucket(key, mark), sub(mark, 2)
        local is_new
        if ARGV[j] == '1' then
            is_new = call('HSETNX', name, field, '') == 1
            if is_new then
                added[#added + 1] = mark
                added[#added + 1] = name
            end
        else
            is_new = call('HEXISTS', name, field) == 0
        end
        spent[#spent + 1] = is_new and '0' or '1'
        is_spent = is_spent or not is_new
    end
end
if is_spent then
    for i = 1, #added, 2 do
        call('HDEL', added[i + 1], sub(added[i], 2))
    end
    return { 'spent', table.concat(spent) }
end

for _, key in ipairs(keys) do
    if key.count > 0 then
        -- Where any is taken, all of the key's are.
        credit(key, KEYS[4], KEYS[5], ARGV[key.first + 1])
    end
end
if #added > 0 then
    call('HSET', KEYS[2], 'record', ARGV[7], 'forget-from', ARGV[6])
    call('ZADD', KEYS[3], ARGV[6], ARGV[8])
end
return { 'done', '' }
