-- KEYS[2] vouchers:HASH. Returns the record and the id of the order that used it, each or false.
return redis.call('HMGET', KEYS[2], 'record', 'used-by')
