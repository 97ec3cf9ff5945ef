-- KEYS[3] birth-changed; ARGV[2] how many at most. Returns names of keys that were written, which it forgets.
if moving then
    return redis.error_reply('TAKEN another command moves the store')
end
return redis.call('SPOP', KEYS[3], ARGV[2])
