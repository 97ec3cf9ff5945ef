-- Removes KEYS[2..].
for i = 2, #KEYS do
    redis.call('UNLINK', KEYS[i])
end
