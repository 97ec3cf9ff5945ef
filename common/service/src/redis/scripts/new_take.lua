-- Takes a place for a store that is moved there. KEYS[1] restoring; ARGV[1] what was found in it, ARGV[2] the marker.
-- Returns whether it is still so, and taken.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
