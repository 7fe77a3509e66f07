//! The sample orders, one for each way an order can go.

use serde_json::{Value, json};

use super::catalogue::{CURRENCY, SCARCE};

/// An order, and what is done with it after it was placed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fate {
    /// Its id, which tells where it ends.
    pub(super) order: &'static str,
    /// SKU and pieces of each line.
    lines: &'static [(&'static str, i64)],
    pub(super) acts: &'static [Act],
}

/// What is done with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    Pay,
    Ship,
    Cancel,
}

pub(super) const FATES: [Fate; 5] = [
    Fate { order: "sample-reserved", lines: &[("ticket-front", 2)], acts: &[] },
    Fate {
        order: "sample-paid",
        lines: &[("ticket-seat", 4), ("tour-shirt", 4)],
        acts: &[Act::Pay],
    },
    Fate {
        order: "sample-shipped",
        lines: &[("vinyl-first-press", 1), ("headphones", 1)],
        acts: &[Act::Pay, Act::Ship],
    },
    Fate { order: "sample-cancelled", lines: &[("sneaker-42", 1)], acts: &[Act::Cancel] },
    Fate { order: "sample-rejected", lines: &[("console-bundle", 1), (SCARCE, 5)], acts: &[] },
];

impl Fate {
    /// The body that places the order.
    pub(super) fn placement(&self) -> Value {
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|(sku, quantity)| json!({"sku": sku, "quantity": quantity}))
            .collect();
        json!({
            "order_id": self.order,
            "customer_id": "sample-customer",
            "currency": CURRENCY,
            "lines": lines,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::catalogue::PRODUCTS, *};

    fn stock(sku: &str) -> i64 {
        PRODUCTS.iter().find(|product| product.sku == sku).map(|product| product.stock).unwrap()
    }

    #[test]
    fn only_the_rejected_order_asks_for_more_than_there_is() {
        for fate in FATES {
            let fits = fate.lines.iter().all(|(sku, pieces)| *pieces <= stock(sku));
            assert_eq!(fits, fate.order != "sample-rejected", "{}", fate.order);
        }
    }

    #[test]
    fn a_placement_has_the_shape_of_the_command_api() {
        assert_eq!(
            FATES[0].placement(),
            json!({
                "order_id": "sample-reserved",
                "customer_id": "sample-customer",
                "currency": "EUR",
                "lines": [{"sku": "ticket-front", "quantity": 2}],
            })
        );
    }
}
