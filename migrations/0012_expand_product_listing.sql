-- What rules version 3 knows of products: whether they are on sale, and when they run low.

ALTER TABLE products
    -- False: no order gets stock of it.
    ADD COLUMN active boolean NOT NULL DEFAULT true,
    -- Available pieces at which it counts as low; null: never.
    ADD COLUMN low_stock_threshold bigint;
