-- Takes a place for a store that is made there. KEYS[1] restoring, [2] birth; ARGV[1] the marker that was found, or nothing
-- if there was none, [2] the marker, [3] the birth record that was found, or nothing.
-- Returns whether it is still so, and taken. The empty marker is that of a restore by an earlier release.
local marker, birth = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
if (marker or '') ~= ARGV[1] or marker == '' or (birth or '') ~= ARGV[3] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
