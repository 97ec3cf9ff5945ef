-- KEYS[2] publishers; ARGV[2] id. Returns the record, or false.
return redis.call('HGET', KEYS[2], ARGV[2])
