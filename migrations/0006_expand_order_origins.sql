-- What `GET /v1/why/orders/{id}` tells beyond the place of a record: which step wrote it, and when it
-- became visible. Rows from before have neither.

ALTER TABLE order_history
    -- `orders/3:0:1234:2`: shard, incarnation, offset of the command, index within the step.
    ADD COLUMN origin text,
    -- When this generation's batch was applied, by the clock of PostgreSQL. Set apart from the
    -- column, so that rows which are there already do not claim to be applied now.
    ADD COLUMN applied_at timestamptz;
ALTER TABLE order_history ALTER COLUMN applied_at SET DEFAULT clock_timestamp();
