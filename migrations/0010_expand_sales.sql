-- Read model `sales`: what was paid and paid back, by day and by product.
--
-- Days are those of the events' log time in UTC. The orders of a day lie in all partitions, so sums
-- are kept per partition and added up on reading.

-- What each order counts for in the tables below, from its reservation on.
CREATE TABLE sale_orders (
    order_id         text    NOT NULL COLLATE "C",
    currency         text    NOT NULL COLLATE "C",
    -- Minor units of `currency`: what the reserved lines cost together.
    total_amount     bigint  NOT NULL,
    -- The reserved lines by product: `{"SKU": {"pieces": 2, "amount": 500}}`.
    products         jsonb   NOT NULL,
    -- When the payment, and when the cancellation after it, was decided.
    paid_on          date,
    refunded_on      date,
    -- Of the last event that this read model looks at.
    version          bigint  NOT NULL,
    -- Partition of the event topic that the order's events come from.
    source_partition integer NOT NULL,
    CONSTRAINT sale_orders_pkey PRIMARY KEY (order_id)
)
WITH (fillfactor = 80);

-- Payments and refunds of a day. Sums of amounts may be beyond 64 bits.
CREATE TABLE sales_by_day (
    day              date           NOT NULL,
    currency         text           NOT NULL COLLATE "C",
    source_partition integer        NOT NULL,
    -- Orders paid that day, their pieces, and minor units of `currency`.
    orders           bigint         NOT NULL,
    pieces           bigint         NOT NULL,
    amount           numeric(38, 0) NOT NULL,
    -- The same of orders cancelled that day after they were paid, whenever that was.
    refunded_orders  bigint         NOT NULL,
    refunded_pieces  bigint         NOT NULL,
    refunded_amount  numeric(38, 0) NOT NULL,
    CONSTRAINT sales_by_day_pkey PRIMARY KEY (day, currency, source_partition)
)
WITH (fillfactor = 50);

-- The same for each product; an order counts for each product that it holds.
CREATE TABLE sales_by_product (
    sku              text           NOT NULL COLLATE "C",
    day              date           NOT NULL,
    currency         text           NOT NULL COLLATE "C",
    source_partition integer        NOT NULL,
    orders           bigint         NOT NULL,
    pieces           bigint         NOT NULL,
    amount           numeric(38, 0) NOT NULL,
    refunded_orders  bigint         NOT NULL,
    refunded_pieces  bigint         NOT NULL,
    refunded_amount  numeric(38, 0) NOT NULL,
    CONSTRAINT sales_by_product_pkey PRIMARY KEY (sku, day, currency, source_partition)
)
WITH (fillfactor = 50);

INSERT INTO generations (projection, generation, state, schema_name)
VALUES ('sales', 1, 'live', 'sales_1');
