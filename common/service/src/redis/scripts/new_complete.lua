-- Completes a group: its birth record takes the place of the marker. KEYS[1] restoring, [2] birth; ARGV[2] the record.
redis.call('SET', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1], KEYS[1] .. '-confirmed')
