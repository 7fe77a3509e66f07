"""Stock and marks in one SQLite file, so that both move in one transaction or not at all."""

import sqlite3

TABLES = """
CREATE TABLE IF NOT EXISTS stock (
    sku TEXT PRIMARY KEY, on_hand INTEGER NOT NULL, reserved INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS marks (
    place TEXT PRIMARY KEY, incarnation INTEGER NOT NULL, last INTEGER NOT NULL,
    next_offset INTEGER NOT NULL);
"""

# How each event changes (on hand, reserved), as a multiple of its quantity.
CHANGES = {
    "ProductRegistered": (0, 0),
    "PriceChanged": (0, 0),
    "ReservationRefused": (0, 0),
    "StockReceived": (1, 0),
    "StockAdjusted": (1, 0),
    "StockReserved": (0, 1),
    "StockReleased": (0, -1),
    "StockShipped": (-1, -1),
    "ProductDeactivated": (0, 0),
    "ProductReactivated": (0, 0),
    "LowStockThresholdSet": (0, 0),
    "StockRanLow": (0, 0),
}


class Store:
    def __init__(self, path):
        # The with statement below begins and ends transactions.
        self.db = sqlite3.connect(path)
        self.db.executescript(TABLES)

    def transaction(self):
        return self.db

    def mark(self, place):
        """((incarnation, link sequence), offset to read on from, which is only a hint)."""
        query = "SELECT incarnation, last, next_offset FROM marks WHERE place = ?"
        incarnation, last, offset = self.db.execute(query, (place,)).fetchone() or (0, 0, 0)
        return (incarnation, last), offset

    def move(self, place, mark, next_offset):
        self.db.execute("REPLACE INTO marks VALUES (?, ?, ?, ?)", (place, *mark, next_offset))

    def apply(self, name, event):
        # A type that is not known may change stock: better to stop than to be wrong.
        if name not in CHANGES:
            raise ValueError(f"events of type {name} are not known: update this program")
        if name == "ReservationRefused":
            return
        on_hand, reserved = (sign * event.get("quantity", 0) for sign in CHANGES[name])
        self.db.execute(
            "INSERT INTO stock VALUES (?, ?, ?) ON CONFLICT (sku) DO UPDATE SET"
            " on_hand = on_hand + excluded.on_hand, reserved = reserved + excluded.reserved",
            (event["sku"], on_hand, reserved),
        )

    def stock(self, sku=None):
        query = "SELECT sku, on_hand, reserved FROM stock WHERE ?1 IS NULL OR sku = ?1 ORDER BY sku"
        rows = self.db.execute(query, (sku,))
        return {sku: {"on_hand": on_hand, "reserved": reserved} for sku, on_hand, reserved in rows}
