-- KEYS[2] kept-answers:MAC; ARGV[2] now. Returns the record while it is kept, or false.
local found = redis.call('HMGET', KEYS[2], 'record', 'forget-from')
if found[1] and tonumber(ARGV[2]) < tonumber(found[2]) then
    return found[1]
end
return false
