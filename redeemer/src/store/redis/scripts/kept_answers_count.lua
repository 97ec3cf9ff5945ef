-- KEYS[2] kept-answers-by-end. Returns how many answers there are.
return redis.call('ZCARD', KEYS[2])
