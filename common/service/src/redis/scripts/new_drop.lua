-- Removes the marker of a place that was given up. KEYS[1] restoring.
redis.call('DEL', KEYS[1], KEYS[1] .. '-confirmed')
