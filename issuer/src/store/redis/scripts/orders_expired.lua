-- KEYS[2] pending-orders; ARGV[2] the last day of expiry. Returns how many unpaid orders expired then or earlier.
return redis.call('ZCOUNT', KEYS[2], '-inf', ARGV[2])
