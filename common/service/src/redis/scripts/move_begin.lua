-- Marks the store as being moved, by another birth record and what is said beside it. A log of an earlier command is of no
-- more use: whatever it says, this command copies anew.
-- KEYS[2] birth-move, [3] birth-changed; ARGV[2] the birth record before any move, [3] the one from now on, [4] where to,
-- [5] the tables whose changes are logged, between colons, [6] the state that whoever asks goes by.
local state = redis.call('HGET', KEYS[2], 'state') or 'moving'
if state ~= ARGV[6] then
    return redis.error_reply('TAKEN another command moves the store')
end
redis.call('HSET', KEYS[2], 'before', ARGV[2], 'during', ARGV[3], 'to', ARGV[4], 'ahead', ARGV[5], 'state', state)
redis.call('DEL', KEYS[3])
redis.call('SET', KEYS[1], ARGV[3])
