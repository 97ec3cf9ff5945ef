-- KEYS[2] issued:KEY; ARGV[2] what the names of orders begin with. Returns the records.
local records = {}
for _, claim in ipairs(redis.call('SMEMBERS', KEYS[2])) do
    records[#records + 1] = redis.call('HGET', ARGV[2] .. claim, 'record')
end
return records
