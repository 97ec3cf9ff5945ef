-- Takes the mark off. KEYS[2] birth-move, [3] birth-changed.
if moving then
    return redis.error_reply('TAKEN another command moves the store')
end
redis.call('SET', KEYS[1], redis.call('HGET', KEYS[2], 'before'))
redis.call('DEL', KEYS[2], KEYS[3])
