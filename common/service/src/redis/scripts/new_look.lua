-- KEYS[1] restoring, [2] birth. Returns the marker and the birth record.
return { redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2]) }
