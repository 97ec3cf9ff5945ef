-- KEYS[2] spent-set:ID; ARGV[2] what the names of the set's buckets begin with, ARGV[3] the first bucket, ARGV[4] the last.
-- Returns rows of a bucket that is not empty and its fields. Most buckets of a young set are empty, and passed by together.
local rows, last = {}, tonumber(ARGV[4])
for first = tonumber(ARGV[3]), last, 128 do
    local names = {}
    for number = first, math.min(first + 127, last) do
        names[#names + 1] = ARGV[2] .. number
    end
    if redis.call('EXISTS', unpack(names)) > 0 then
        for i, name in ipairs(names) do
            local fields = redis.call('HKEYS', name)
            if #fields > 0 then
                rows[#rows + 1] = { first + i - 1, fields }
            end
        end
    end
end
return rows
