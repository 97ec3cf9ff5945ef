-- KEYS[2] orders:CLAIM. Returns the record, or false.
return redis.call('HGET', KEYS[2], 'record')
