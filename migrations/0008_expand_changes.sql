-- What live streams are read from: every change of an order or a product, for a while.
--
-- It belongs to no generation: only the live one writes here, in the transaction that writes the
-- rows, and all generations stand at the same marks when they change places. So a stream goes on
-- over a switch without a gap or a repeat.

CREATE TABLE changes (
    -- 'orders' or 'products'.
    projection    text        NOT NULL COLLATE "C",
    -- Partition of the event topic.
    partition     integer     NOT NULL,
    -- The event's mark. Under the lock of the checkpoint, rows come in the order of these three
    -- columns and never below one that was read.
    incarnation   bigint      NOT NULL,
    link_sequence bigint      NOT NULL,
    -- 0 for an event in its place; 1, 2, … for keys that were healed while the checkpoint stood at
    -- this mark (re-drive, `spillway rebuild --key`): their events lie further back in the log.
    nth           integer     NOT NULL,
    -- Order id or SKU.
    key           text        NOT NULL COLLATE "C",
    -- Absent for guests and products.
    customer_id   text        COLLATE "C",
    -- Of the order or product after the event.
    version       bigint      NOT NULL,
    -- Record name of the event.
    event         text        NOT NULL,
    -- The row of `orders` or `products` after the event, without the columns that stand here.
    state         jsonb       NOT NULL,
    command_id    uuid,
    -- Where the event was read; a hint.
    kafka_offset  bigint      NOT NULL,
    applied_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT changes_pkey PRIMARY KEY (projection, partition, incarnation, link_sequence, nth)
)
-- A queue: rows are added at one end and deleted at the other, and never changed.
WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_insert_scale_factor = 0.05);

-- The last change of each partition that is not kept any more. A stream that would begin before it
-- is refused.
CREATE TABLE change_floors (
    projection    text    NOT NULL COLLATE "C",
    partition     integer NOT NULL,
    incarnation   bigint  NOT NULL,
    link_sequence bigint  NOT NULL,
    nth           integer NOT NULL,
    CONSTRAINT change_floors_pkey PRIMARY KEY (projection, partition)
);
