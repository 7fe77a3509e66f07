-- A stream that comes back reads what it has missed: the changes of its keys or of its customer behind
-- its id, and not everybody's.
--
-- Not made CONCURRENTLY (see 0007). The table holds what happened within a quarter of an hour or so:
-- projections wait for some seconds, and queries do not.
CREATE INDEX changes_of_key
    ON changes (projection, partition, key, incarnation, link_sequence, nth);
CREATE INDEX changes_of_customer
    ON changes (projection, partition, customer_id, incarnation, link_sequence, nth)
    WHERE customer_id IS NOT NULL;
