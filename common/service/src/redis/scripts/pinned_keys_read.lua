-- KEYS[2] pinned-keys: the records, in no order.
return redis.call('HVALS', KEYS[2])
