-- KEYS[1] birth, [2] birth-move. Returns the birth record, and what the mark says.
return { redis.call('GET', KEYS[1]), redis.call('HMGET', KEYS[2], 'before', 'during', 'state', 'to') }
