-- Read model `orders`: orders as they stand, their lines, and everything that happened to them.

CREATE TABLE orders (
    order_id          text        NOT NULL COLLATE "C",
    -- Absent for guests.
    customer_id       text        COLLATE "C",
    currency          text        NOT NULL,
    -- 'placed', 'reserved', 'rejected', 'paid', 'shipped', 'cancelled' or 'expired'.
    status            text        NOT NULL COLLATE "C",
    -- Minor units of `currency`; null until all lines are reserved.
    total_amount      bigint,
    -- Null unless payment is or was awaited.
    payment_deadline  timestamptz,
    -- Minor units of `currency`; null when nothing must be paid back.
    refund_due_amount bigint,
    placed_at         timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    version           bigint      NOT NULL,
    -- Partition of the event topic that the order's events come from.
    source_partition  integer     NOT NULL,
    CONSTRAINT orders_pkey PRIMARY KEY (order_id)
)
WITH (fillfactor = 80);

-- Keyset pages, newest first; the id settles orders placed in the same millisecond.
CREATE INDEX orders_newest ON orders (placed_at DESC, order_id DESC);
CREATE INDEX orders_of_customer ON orders (customer_id, placed_at DESC, order_id DESC)
    WHERE customer_id IS NOT NULL;
CREATE INDEX orders_by_status ON orders (status, placed_at DESC, order_id DESC);

CREATE TABLE order_lines (
    order_id       text    NOT NULL COLLATE "C",
    line           integer NOT NULL,
    sku            text    NOT NULL COLLATE "C",
    -- Pieces.
    quantity       bigint  NOT NULL,
    -- Highest acceptable price of a piece in minor units; null: any.
    unit_price_max bigint,
    -- Price of a piece at which stock is or was held; null while none was.
    unit_price     bigint,
    -- Why no stock could be held, as a stable code; null unless the line was refused.
    refusal        text,
    -- Pieces that were available when the line was refused for want of stock.
    available      bigint,
    CONSTRAINT order_lines_pkey PRIMARY KEY (order_id, line)
)
WITH (fillfactor = 80);

CREATE TABLE order_history (
    order_id      text        NOT NULL COLLATE "C",
    version       bigint      NOT NULL,
    -- Record name of the event, such as 'OrderPlaced'.
    type          text        NOT NULL,
    body          jsonb       NOT NULL,
    at            timestamptz NOT NULL,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    kafka_offset  bigint      NOT NULL,
    link_sequence bigint      NOT NULL,
    -- The client command that the event stems from; null for timers and follow-ups without one.
    command_id    uuid,
    CONSTRAINT order_history_pkey PRIMARY KEY (order_id, version)
);
