-- What redeem.lua and reserve.lua have in common; it stands before each of them.
--
-- ARGV[2] version of counts, [3] version of sets, [4] what the names of buckets begin with, [5] to [8] each script's own,
-- [9] how many token keys, then for each: tokens taken (all that are looked at, or none), key and day, denomination, credit
-- entry, and the marks with nothing between them: one argument, because each costs the server more than what is done with
-- a mark here. KEYS[2] and [3] are each script's own, [4] redeemed-totals, [5] credit-entries:PUBLISHER, then for each
-- token key: spent-set:ID, redeemed-total:ID+DAY, credits:PUBLISHER+DAY+DENOMINATION.
local version, set_version = tonumber(ARGV[2]), tonumber(ARGV[3])
local call, byte, sub, format = redis.call, string.byte, string.sub, string.format

-- The version of a hash, if a later release wrote it.
local function later(key)
    local found = call('HGET', key, 'version')
    return found and tonumber(found) > version and found
end

-- The bytes of a mark.
local SIZE = 16

-- Where the mark is that begins at `at`: the name of its bucket, told by its first bits, and what the bucket keeps, all
-- bytes but the first. The format cuts the fraction off.
local function place(key, at)
    local marks = key.marks
    local a, b, c = byte(marks, at, at + 2)
    return format(key.buckets, (a * 65536 + b * 256 + c) / key.shift), sub(marks, at + 1, at + SIZE - 1)
end

local function is_spent(key, at)
    return call('HEXISTS', place(key, at)) == 1
end

-- Which marks are spent, a '1' each, of all keys; nothing if none is.
local function spent_flags(keys)
    local flags, any = {}, false
    for _, key in ipairs(keys) do
        for at = 1, #key.marks, SIZE do
            local spent = is_spent(key, at)
            flags[#flags + 1], any = spent and '1' or '0', any or spent
        end
    end
    return any and table.concat(flags)
end

-- What a mark is held under while a redemption across groups is under way.
local function held(key, at)
    return key.ordinal .. ':' .. sub(key.marks, at, at + SIZE - 1)
end

local function read_keys()
    local keys, at = {}, 10
    for i = 1, tonumber(ARGV[9]) do
        local base = 3 + 3 * i
        keys[i] = {
            set = KEYS[base], total = KEYS[base + 1], credit = KEYS[base + 2],
            count = tonumber(ARGV[at]), day = ARGV[at + 1], denomination = ARGV[at + 2], entry = ARGV[at + 3],
            marks = ARGV[at + 4],
        }
        at = at + 5
    end
    return keys
end

-- Looks at the sets of the keys: an answer if one of them cannot take tokens. The witness is the first mark of a set:
-- where it is gone, the others are not to be relied on.
local function refusal(keys)
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
        key.ordinal, key.buckets, key.witness = set[3], ARGV[4] .. set[3] .. ':%d', set[5]
        key.shift = 2 ^ (24 - tonumber(set[4]))
        closed[i] = '0'
        if set[2] == '1' then
            if key.marks ~= '' then
                closed[i], is_closed = '1', true
            end
        elseif key.witness and not is_spent({ marks = key.witness, buckets = key.buckets, shift = key.shift }, 1) then
            return { 'lost', '' }
        end
    end
    return is_closed and { 'closed', table.concat(closed) }
end

-- Counts and credits the tokens taken of a key, whose marks are in their buckets.
local function credit(key, totals, entries)
    call('HINCRBY', key.set, 'marks', key.count)
    if not key.witness then
        call('HSET', key.set, 'witness', sub(key.marks, 1, SIZE))
    end
    call('SADD', totals, key.day)
    call('HSET', key.total, 'version', version, 'denomination', key.denomination)
    call('HINCRBY', key.total, 'tokens', key.count)
    call('SADD', entries, key.entry)
    call('HSET', key.credit, 'version', version, 'denomination', key.denomination)
    call('HINCRBY', key.credit, 'tokens', key.count)
end

