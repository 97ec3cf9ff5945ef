-- KEYS[2] credit-entries:PUBLISHER, [3] adjustments:PUBLISHER.
-- Returns the entries (day and denomination) of the publisher's credits, and the records of adjustments; in no order.
return { redis.call('SMEMBERS', KEYS[2]), redis.call('HVALS', KEYS[3]) }
