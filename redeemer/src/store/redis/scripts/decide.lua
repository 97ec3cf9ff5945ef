-- Decides whether a redemption is committed or aborted; who comes first decides. Committing keeps its answer, unless
-- another redemption under the same key has been answered.
--
-- KEYS[2] decision:ID, [3] decisions-by-end, [4] kept-answers:MAC, [5] kept-answers-by-end; ARGV[2] 'commit' or 'abort',
-- [3] the redemption's id, [4] now, [5] when decision and answer are forgotten, [6] the answer's record, [7] its MAC.
-- An abort needs only the first two keys and five arguments.
--
-- Returns {'commit', ''}, {'abort', ''}, or {'kept', record} with which it is aborted as well.
local decided = redis.call('GET', KEYS[2])
if decided then
    return { decided, '' }
end
local kept = ARGV[2] == 'commit' and redis.call('HMGET', KEYS[4], 'record', 'forget-from')
local is_kept = kept and kept[1] and tonumber(ARGV[4]) < tonumber(kept[2])
local decision = is_kept and 'abort' or ARGV[2]
redis.call('SET', KEYS[2], decision)
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[3])
if is_kept then
    return { 'kept', kept[1] }
elseif decision == 'commit' then
    redis.call('HSET', KEYS[4], 'record', ARGV[6], 'forget-from', ARGV[5])
    redis.call('ZADD', KEYS[5], ARGV[5], ARGV[7])
end
return { decision, '' }
