-- Returns denomination and tokens of each of KEYS[2..], a publisher's credits; ARGV[2] version.
local credits = {}
for i = 2, #KEYS do
    local credit = redis.call('HMGET', KEYS[i], 'version', 'denomination', 'tokens')
    if not credit[1] then
        return redis.error_reply('MISSING a credit is not there')
    elseif tonumber(credit[1]) > tonumber(ARGV[2]) then
        return newer('credit', credit[1], ARGV[2])
    end
    credits[#credits + 1] = { credit[2], tonumber(credit[3]) }
end
return credits
