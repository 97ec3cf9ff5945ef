-- KEYS[2] publishers. Returns the records, in no order.
return redis.call('HVALS', KEYS[2])
