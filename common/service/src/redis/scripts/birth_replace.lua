-- ARGV[2] another birth record, which takes the place of the one that was opened.
if moving then
    return redis.error_reply('TAKEN a command moves the store')
end
redis.call('SET', KEYS[1], ARGV[2])
