-- KEYS[2] decision:ID. Returns the decision, or false.
return redis.call('GET', KEYS[2])
