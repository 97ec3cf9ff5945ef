-- ARGV[2] another birth record, which takes the place of the one that was opened.
redis.call('SET', KEYS[1], ARGV[2])
