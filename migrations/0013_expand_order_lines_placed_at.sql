-- When a line's order was placed, so that the newest orders with a product are found by the product,
-- however long ago it was sold.

ALTER TABLE order_lines ADD COLUMN placed_at timestamptz;

-- For lines that the code before this writes. Others bring the time, and cost nothing here. To be
-- dropped in a later release.
CREATE FUNCTION order_lines_placed_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT placed_at INTO NEW.placed_at FROM orders WHERE order_id = NEW.order_id;
    RETURN NEW;
END $$;
CREATE TRIGGER order_lines_placed_at BEFORE INSERT ON order_lines
    FOR EACH ROW WHEN (NEW.placed_at IS NULL) EXECUTE FUNCTION order_lines_placed_at();
