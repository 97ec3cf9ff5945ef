-- Takes tokens: marks them as spent, credits and counts them, and keeps the answer; all of it or nothing.
--
-- KEYS[2] kept-answers:MAC, [3] kept-answers-by-end, [4] redeemed-totals, [5] credit-entries:PUBLISHER, then for each
-- token key: spent-set:ID, redeemed-total:ID+DAY, credits:PUBLISHER+DAY+DENOMINATION.
-- ARGV[2] version of counts, [3] version of sets, [4] what the names of buckets begin with, [5] now, [6] when the answer is
-- forgotten, [7] its record, [8] its MAC, [9] how many token keys, then for each: tokens taken, key and day, denomination,
-- credit entry, how many marks, and for each mark: '1' if it is taken, the mark.
--
-- Returns {'kept', record} when the request was answered before, {'lost', ''} when a set is not there or not whole,
-- {'closed', flags} or {'spent', flags} when that is so of keys or marks (a '1' each) and nothing was written, or
-- {'done', ''}.
local version, set_version = tonumber(ARGV[2]), tonumber(ARGV[3])

-- The version of a hash, if a later release wrote it.
local function later(key)
    local found = redis.call('HGET', key, 'version')
    return found and tonumber(found) > version and found
end

local kept = redis.call('HMGET', KEYS[2], 'record', 'forget-from')
if kept[1] and tonumber(ARGV[5]) < tonumber(kept[2]) then
    return { 'kept', kept[1] }
end

local keys = {}
local at = 10
for i = 1, tonumber(ARGV[9]) do
    local base = 3 + 3 * i
    keys[i] = {
        set = KEYS[base], total = KEYS[base + 1], credit = KEYS[base + 2],
        count = tonumber(ARGV[at]), day = ARGV[at + 1], denomination = ARGV[at + 2], entry = ARGV[at + 3],
        first = at + 5, last = at + 4 + 2 * tonumber(ARGV[at + 4]),
    }
    at = keys[i].last + 1
end

local call, byte, sub, floor = redis.call, string.byte, string.sub, math.floor

-- A mark's bucket is told by its first bits, and what the bucket keeps are all bytes but the first. The witness is the
-- first mark of a set: where it is gone, the others are not to be relied on.
local function bucket(key, mark)
    local a, b, c = byte(mark, 1, 3)
    return key.buckets .. floor((a * 65536 + b * 256 + c) / key.shift)
end

local closed, is_closed = {}, false
for i, key in ipairs(keys) do
    local set = call('HMGET', key.set, 'version', 'closed', 'ordinal', 'bucket-bits', 'witness')
    if not set[1] then
        return { 'lost', '' }
    end
    if tonumber(set[1]) > set_version then
        return newer('spent set', set[1], set_version)
    elseif tonumber(set[1]) < set_version then
        return redis.error_reply('OLDER a spent set is not repacked yet')
    end
    for kind, hash in pairs({ ['redeemed total'] = key.total, credit = key.credit }) do
        if later(hash) then
            return newer(kind, later(hash), version)
        end
    end
    key.buckets, key.shift, key.witness = ARGV[4] .. set[3] .. ':', 2 ^ (24 - tonumber(set[4])), set[5]
    closed[i] = '0'
    if set[2] == '1' then
        if key.first <= key.last then
            closed[i], is_closed = '1', true
        end
    elseif key.witness and call('HEXISTS', bucket(key, key.witness), sub(key.witness, 2)) == 0 then
        return { 'lost', '' }
    end
end
if is_closed then
    return { 'closed', table.concat(closed) }
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

local taken = 0
for _, key in ipairs(keys) do
    if key.count > 0 then
        taken = taken + key.count
        call('HINCRBY', key.set, 'marks', key.count)
        if not key.witness and ARGV[key.first] == '1' then
            call('HSET', key.set, 'witness', ARGV[key.first + 1])
        end
        call('SADD', KEYS[4], key.day)
        call('HSET', key.total, 'version', version, 'denomination', key.denomination)
        call('HINCRBY', key.total, 'tokens', key.count)
        call('SADD', KEYS[5], key.entry)
        call('HSET', key.credit, 'version', version, 'denomination', key.denomination)
        call('HINCRBY', key.credit, 'tokens', key.count)
    end
end
if taken > 0 then
    call('HSET', KEYS[2], 'record', ARGV[7], 'forget-from', ARGV[6])
    call('ZADD', KEYS[3], ARGV[6], ARGV[8])
end
return { 'done', '' }
