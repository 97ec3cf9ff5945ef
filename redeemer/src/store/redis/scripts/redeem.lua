-- Takes tokens: marks them as spent, credits and counts them, and keeps the answer; all of it or nothing.
--
-- KEYS[2] kept-answers:MAC, [3] kept-answers-by-end, [4] redeemed-totals, [5] credit-entries:PUBLISHER, then for each
-- token key: spent-set:ID, spent-marks:ID, redeemed-total:ID+DAY, credits:PUBLISHER+DAY+DENOMINATION.
-- ARGV[2] version, [3] now, [4] when the answer is forgotten, [5] its record, [6] its MAC, [7] how many token keys, then
-- for each: tokens taken, key and day, denomination, credit entry, how many marks, and for each mark: '1' if it is
-- taken, the mark.
--
-- Returns {'kept', record} when the request was answered before, {'lost', ''} when a set is not there or not whole,
-- {'closed', flags} or {'spent', flags} when that is so of keys or marks (a '1' each) and nothing was written, or
-- {'done', ''}.
local version = tonumber(ARGV[2])

-- The version of a hash, if a later release wrote it.
local function later(key)
    local found = redis.call('HGET', key, 'version')
    return found and tonumber(found) > version and found
end

local kept = redis.call('HMGET', KEYS[2], 'record', 'forget-from')
if kept[1] and tonumber(ARGV[3]) < tonumber(kept[2]) then
    return { 'kept', kept[1] }
end

local keys = {}
local at = 8
for i = 1, tonumber(ARGV[7]) do
    local base = 2 + 4 * i
    local key = {
        set = KEYS[base], marks = KEYS[base + 1], total = KEYS[base + 2], credit = KEYS[base + 3],
        count = tonumber(ARGV[at]), day = ARGV[at + 1], denomination = ARGV[at + 2], entry = ARGV[at + 3],
        taken = {}, looked_at = {},
    }
    local marks = tonumber(ARGV[at + 4])
    for j = at + 5, at + 4 + 2 * marks, 2 do
        key.looked_at[#key.looked_at + 1] = ARGV[j + 1]
        if ARGV[j] == '1' then
            key.taken[#key.taken + 1] = ARGV[j + 1]
        end
    end
    at = at + 5 + 2 * marks
    keys[i] = key
end

local closed, is_closed = {}, false
for i, key in ipairs(keys) do
    local set = redis.call('HMGET', key.set, 'closed', 'marks')
    if not set[1] then
        return { 'lost', '' }
    end
    for kind, hash in pairs({ ['spent set'] = key.set, ['redeemed total'] = key.total, credit = key.credit }) do
        if later(hash) then
            return newer(kind, later(hash), version)
        end
    end
    closed[i] = '0'
    if set[1] == '1' and #key.looked_at > 0 then
        closed[i], is_closed = '1', true
    elseif set[1] ~= '1' and tonumber(set[2]) ~= redis.call('SCARD', key.marks) then
        return { 'lost', '' }
    end
end
if is_closed then
    return { 'closed', table.concat(closed) }
end

local spent, is_spent = {}, false
for _, key in ipairs(keys) do
    if #key.looked_at > 0 then
        for _, flag in ipairs(redis.call('SMISMEMBER', key.marks, unpack(key.looked_at))) do
            spent[#spent + 1] = tostring(flag)
            is_spent = is_spent or flag == 1
        end
    end
end
if is_spent then
    return { 'spent', table.concat(spent) }
end

local taken = 0
for _, key in ipairs(keys) do
    if key.count > 0 then
        taken = taken + key.count
        redis.call('SADD', key.marks, unpack(key.taken))
        redis.call('HINCRBY', key.set, 'marks', key.count)
        redis.call('SADD', KEYS[4], key.day)
        redis.call('HSET', key.total, 'version', version, 'denomination', key.denomination)
        redis.call('HINCRBY', key.total, 'tokens', key.count)
        redis.call('SADD', KEYS[5], key.entry)
        redis.call('HSET', key.credit, 'version', version, 'denomination', key.denomination)
        redis.call('HINCRBY', key.credit, 'tokens', key.count)
    end
end
if taken > 0 then
    redis.call('HSET', KEYS[2], 'record', ARGV[5], 'forget-from', ARGV[4])
    redis.call('ZADD', KEYS[3], ARGV[4], ARGV[6])
end
return { 'done', '' }
