-- no-transaction
-- Orders with a product, newest first.
CREATE INDEX CONCURRENTLY order_lines_newest
    ON order_lines (sku, placed_at DESC, order_id DESC);
