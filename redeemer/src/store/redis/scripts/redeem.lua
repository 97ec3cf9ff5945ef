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

-- Marks what is taken as if nothing were spent, and returns where the first mark is that was spent, if any.
local function take(key)
    for at = 1, #key.marks, SIZE do
        local bucket, field = place(key, at)
        if key.count > 0 and call('HSETNX', bucket, field, '') == 0
            or key.count == 0 and call('HEXISTS', bucket, field) == 1 then
            return at
        end
    end
end

-- When something is spent, which is rare, what was marked before it is unmarked, and the next try hears of all that are.
local function undo(key, before)
    for at = 1, key.count > 0 and before - 1 or 0, SIZE do
        call('HDEL', place(key, at))
    end
end

for i, key in ipairs(keys) do
    local spent = take(key)
    if spent then
        undo(key, spent)
        for j = 1, i - 1 do
            undo(keys[j], #keys[j].marks)
        end
        return { 'spent', spent_flags(keys) }
    end
end

local any_taken = false
for _, key in ipairs(keys) do
    if key.count > 0 then
        credit(key, KEYS[4], KEYS[5])
        any_taken = true
    end
end
if any_taken then
    call('HSET', KEYS[2], 'record', ARGV[7], 'forget-from', ARGV[6])
    call('ZADD', KEYS[3], ARGV[6], ARGV[8])
end
return { 'done', '' }
