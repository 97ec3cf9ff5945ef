-- KEYS[2] unfinished. Returns the ids of redemptions that are not finished in this group, and who decides.
return redis.call('SMEMBERS', KEYS[2])
