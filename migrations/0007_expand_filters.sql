-- Lists by what orders hold, and search in the catalogue.
--
-- Not made CONCURRENTLY: that waits for every snapshot, also that of another instance that waits for
-- its turn to migrate, and both would wait for ever.

-- Orders with a product. The columns never change, so that changes of lines stay on their page.
CREATE INDEX order_lines_of_sku ON order_lines (sku, order_id);

-- Words of names and SKUs, as they are written in any language. Neither ever changes, so that
-- changes of stock stay on their page.
CREATE INDEX products_words ON products
    USING gin (to_tsvector('simple'::regconfig, name || ' ' || sku));
