-- From now on the store is moved. KEYS[2] birth-move; ARGV[2] the birth record from now on.
if moving then
    return redis.error_reply('TAKEN another command moves the store')
end
redis.call('HSET', KEYS[2], 'state', 'moved', 'during', ARGV[2])
redis.call('SET', KEYS[1], ARGV[2])
