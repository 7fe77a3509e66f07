-- no-transaction
-- The times of lines that are there already, some orders at a time, so that nobody waits for long. It
-- begins anew wherever it was cut off.
DO $$
DECLARE
    last text := '';
    next text;
BEGIN
    LOOP
        SELECT max(order_id) INTO next FROM (
            SELECT order_id FROM orders WHERE order_id > last ORDER BY order_id LIMIT 1000) AS page;
        EXIT WHEN next IS NULL;
        UPDATE order_lines l SET placed_at = o.placed_at FROM orders o
        WHERE o.order_id > last AND o.order_id <= next AND l.order_id = o.order_id
            AND l.placed_at IS NULL;
        COMMIT;
        last := next;
    END LOOP;
END $$;
