-- Pins keys that are not pinned yet and marks revoked what is; all of them, or at a conflict none.
-- KEYS[2] pinned-keys, KEYS[3] pinned-digests; ARGV[2..]: id, digest, '1' if revoked, record; and again.
-- Returns the pinned record of the first key whose digest differs.
for i = 2, #ARGV, 4 do
    local digest = redis.call('HGET', KEYS[3], ARGV[i])
    if digest and digest ~= ARGV[i + 1] then
        return redis.call('HGET', KEYS[2], ARGV[i])
    end
end
for i = 2, #ARGV, 4 do
    if ARGV[i + 2] == '1' or redis.call('HEXISTS', KEYS[3], ARGV[i]) == 0 then
        redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 3])
        redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
    end
end
return false
