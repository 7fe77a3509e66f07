-- Read model `customers`: how many orders each customer has, and what they have spent.
--
-- A customer's orders lie in any partition, so sums are kept per partition and added up on reading.

-- What each order counts for in the tables below. Orders of guests stand here too, so that an event
-- that does not follow is seen; they count for nobody.
CREATE TABLE customer_orders (
    order_id          text    NOT NULL COLLATE "C",
    -- Absent for guests.
    customer_id       text    COLLATE "C",
    currency          text    NOT NULL COLLATE "C",
    -- As in `orders`.
    status            text    NOT NULL COLLATE "C",
    -- Minor units of `currency`; 0 until the order is paid.
    paid_amount       bigint  NOT NULL,
    -- Minor units; 0 unless the order was cancelled after it was paid.
    refund_due_amount bigint  NOT NULL,
    version           bigint  NOT NULL,
    -- Partition of the event topic that the order's events come from.
    source_partition  integer NOT NULL,
    CONSTRAINT customer_orders_pkey PRIMARY KEY (order_id)
)
WITH (fillfactor = 80);

-- Orders by what has become of them; each counts in one column.
CREATE TABLE customers (
    customer_id      text    NOT NULL COLLATE "C",
    source_partition integer NOT NULL,
    placed           bigint  NOT NULL,
    reserved         bigint  NOT NULL,
    rejected         bigint  NOT NULL,
    paid             bigint  NOT NULL,
    shipped          bigint  NOT NULL,
    cancelled        bigint  NOT NULL,
    expired          bigint  NOT NULL,
    CONSTRAINT customers_pkey PRIMARY KEY (customer_id, source_partition)
)
WITH (fillfactor = 50);

-- Money by currency; a row only where there was a payment. A sum may be beyond 64 bits.
CREATE TABLE customer_spend (
    customer_id      text           NOT NULL COLLATE "C",
    currency         text           NOT NULL COLLATE "C",
    source_partition integer        NOT NULL,
    -- Minor units: all payments, and what of them is to be paid back.
    paid             numeric(38, 0) NOT NULL,
    refund_due       numeric(38, 0) NOT NULL,
    CONSTRAINT customer_spend_pkey PRIMARY KEY (customer_id, currency, source_partition)
)
WITH (fillfactor = 50);

INSERT INTO generations (projection, generation, state, schema_name)
VALUES ('customers', 1, 'live', 'customers_1');
