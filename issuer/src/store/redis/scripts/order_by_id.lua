-- KEYS[2] order-ids:ID; ARGV[2] what the names of orders begin with. Returns the record, or false.
local claim = redis.call('GET', KEYS[2])
if not claim then
    return false
end
return redis.call('HGET', ARGV[2] .. claim, 'record')
