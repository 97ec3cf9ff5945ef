-- Keeps an adjustment unless the publisher has one with its id.
-- KEYS[2] publishers, [3] adjustments:PUBLISHER; ARGV[2] publisher's id, [3] adjustment's id, [4] its record.
-- Returns {'done', ''}, {'kept', record} when there is one, or {'unknown', ''} when there is no such publisher.
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then
    return { 'unknown', '' }
end
local kept = redis.call('HGET', KEYS[3], ARGV[3])
if kept then
    return { 'kept', kept }
end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
return { 'done', '' }
