-- What redeem.lua and reserve.lua have in common; it stands before each of them.
--
-- ARGV[2] version of counts, [3] version of sets, [4] what the names of buckets begin with, [5] to [8] each script's own,
-- [9] how many token keys, then for each: tokens taken, key and day, denomination, credit entry, how many marks, and for
-- each mark: '1' if it is taken, the mark. KEYS[2] and [3] are each script's own, [4] redeemed-totals,
-- [5] credit-entries:PUBLISHER, then for each token key: spent-set:ID, redeemed-total:ID+DAY,
-- credits:PUBLISHER+DAY+DENOMINATION.
local version, set_version = tonumber(ARGV[2]), tonumber(ARGV[3])
local call, byte, sub, floor = redis.call, string.byte, string.sub, math.floor

-- The version of a hash, if a later release wrote it.
local function later(key)
    local found = call('HGET', key, 'version')
    return found and tonumber(found) > version and found
end

-- A mark's bucket is told by its first bits, and what the bucket keeps are all bytes but the first.
local function bucket(key, mark)
    local a, b, c = byte(mark, 1, 3)
    return key.buckets .. floor((a * 65536 + b * 256 + c) / key.shift)
end

local function read_keys()
    local keys, at = {}, 10
    for i = 1, tonumber(ARGV[9]) do
        local base = 3 + 3 * i
        keys[i] = {
            set = KEYS[base], total = KEYS[base + 1], credit = KEYS[base + 2],
            count = tonumber(ARGV[at]), day = ARGV[at + 1], denomination = ARGV[at + 2], entry = ARGV[at + 3],
            first = at + 5, last = at + 4 + 2 * tonumber(ARGV[at + 4]),
        }
        at = keys[i].last + 1
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
        key.ordinal, key.buckets, key.witness = set[3], ARGV[4] .. set[3] .. ':', set[5]
        key.shift = 2 ^ (24 - tonumber(set[4]))
        closed[i] = '0'
        if set[2] == '1' then
            if key.first <= key.last then
                closed[i], is_closed = '1', true
            end
        elseif key.witness and call('HEXISTS', bucket(key, key.witness), sub(key.witness, 2)) == 0 then
            return { 'lost', '' }
        end
    end
    return is_closed and { 'closed', table.concat(closed) }
end

-- Counts and credits the tokens taken of a key, whose marks are in their buckets.
local function credit(key, totals, entries, first)
    call('HINCRBY', key.set, 'marks', key.count)
    if not key.witness then
        call('HSET', key.set, 'witness', first)
    end
    call('SADD', totals, key.day)
    call('HSET', key.total, 'version', version, 'denomination', key.denomination)
    call('HINCRBY', key.total, 'tokens', key.count)
    call('SADD', entries, key.entry)
    call('HSET', key.credit, 'version', version, 'denomination', key.denomination)
    call('HINCRBY', key.credit, 'tokens', key.count)
end

