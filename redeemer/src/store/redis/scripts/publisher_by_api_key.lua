-- KEYS[2] publishers, [3] api-keys; ARGV[2] hash of the key. Returns the record of its publisher, or false.
local id = redis.call('HGET', KEYS[3], ARGV[2])
return id and redis.call('HGET', KEYS[2], id)
