-- Makes a group of a store where there is none. KEYS[1] restoring, [2] birth; ARGV[1] the birth record that was found, or
-- nothing, [2] the birth record. Returns whether it is still so, and made.
if redis.call('EXISTS', KEYS[1]) == 1 or (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[2], ARGV[2])
return 1
