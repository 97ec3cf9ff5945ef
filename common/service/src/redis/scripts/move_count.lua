-- KEYS[3] birth-changed. Returns how many names of keys are in it.
return redis.call('SCARD', KEYS[3])
