package spillway.examples;

import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.generic.GenericRecord;

/** Stock per SKU, from product events. */
final class Stock {
  /** Pieces in the house, and how many of them are held for orders. */
  record Pieces(long on_hand, long reserved) {
    Pieces plus(long onHand, long held) {
      return new Pieces(Math.addExact(on_hand, onHand), Math.addExact(reserved, held));
    }
  }

  private final Map<String, Pieces> bySku = new TreeMap<>();

  /** Applies an event; gives the SKU that it is about, or null. */
  String apply(GenericRecord event) {
    String type = event.getSchema().getName();
    switch (type) {
      case "ProductRegistered", "PriceChanged", "ProductDeactivated", "ProductReactivated",
          "LowStockThresholdSet", "StockRanLow":
        return change(event, 0, 0);
      case "StockReceived", "StockAdjusted":
        return change(event, quantity(event), 0);
      case "StockReserved":
        return change(event, 0, quantity(event));
      case "StockReleased":
        return change(event, 0, -quantity(event));
      case "StockShipped":
        return change(event, -quantity(event), -quantity(event));
      case "ReservationRefused":
        return null;
      default:
        // A type that is not known may change stock: better to stop than to be wrong.
        throw new IllegalStateException(
            "events of type " + type + " are not known: update this program");
    }
  }

  Map<String, Pieces> bySku() {
    return bySku;
  }

  private String change(GenericRecord event, long onHand, long held) {
    String sku = event.get("sku").toString();
    bySku.merge(
        sku, new Pieces(onHand, held), (old, change) -> old.plus(change.on_hand, change.reserved));
    return sku;
  }

  private static long quantity(GenericRecord event) {
    return (Long) event.get("quantity");
  }
}
