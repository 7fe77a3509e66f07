-- Read model `products`: the catalogue with its stock.

CREATE TABLE products (
    sku              text        NOT NULL COLLATE "C",
    name             text        NOT NULL,
    -- Price of a piece in minor units of `currency`.
    price_amount     bigint      NOT NULL,
    currency         text        NOT NULL,
    -- Pieces in the house, and how many of them are held for orders.
    on_hand          bigint      NOT NULL,
    reserved         bigint      NOT NULL,
    registered_at    timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    version          bigint      NOT NULL,
    -- Partition of the event topic that the product's events come from.
    source_partition integer     NOT NULL,
    CONSTRAINT products_pkey PRIMARY KEY (sku),
    CONSTRAINT products_never_oversold CHECK (reserved >= 0 AND reserved <= on_hand)
)
-- No index but the key, so that stock changes of a hot product stay on its page (HOT updates).
WITH (fillfactor = 50);
