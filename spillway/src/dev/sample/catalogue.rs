//! The sample catalogue: what a shop might sell on a busy day.

/// Currency of every sample price.
pub(super) const CURRENCY: &str = "EUR";

/// A product with its first delivery.
#[derive(Debug, Clone, Copy)]
pub(super) struct Product {
    pub(super) sku: &'static str,
    pub(super) name: &'static str,
    /// Price of a piece in cents.
    pub(super) price: i64,
    /// Pieces of the first delivery.
    pub(super) stock: i64,
}

/// Wide stock for most, and one product that is nearly gone.
pub(super) const PRODUCTS: [Product; 8] = [
    product("ticket-front", "Concert ticket, front of stage", 14_900, 200),
    product("ticket-seat", "Concert ticket, seat", 8_900, 2_000),
    product("tour-shirt", "Tour shirt", 3_500, 500),
    product("vinyl-first-press", "Vinyl record, first pressing", 4_200, 150),
    product("sneaker-42", "Sneaker, limited run, size 42", 18_000, 120),
    product("console-bundle", "Game console with two controllers", 49_900, 80),
    product("headphones", "Noise-cancelling headphones", 22_900, 300),
    product("signed-poster", "Poster, signed", 9_500, 2),
];

/// The product that is nearly gone.
pub(super) const SCARCE: &str = "signed-poster";

const fn product(sku: &'static str, name: &'static str, price: i64, stock: i64) -> Product {
    Product { sku, name, price, stock }
}

#[cfg(test)]
mod tests {
    use events::command::{Command, ReceiveStock, RegisterProduct};

    use super::*;

    #[test]
    fn the_rules_accept_every_product_and_delivery() {
        for product in PRODUCTS {
            let register = Command::RegisterProduct(RegisterProduct {
                sku: product.sku.to_owned(),
                name: product.name.to_owned(),
                price: events::Money::new(product.price, CURRENCY),
            });
            let receive = Command::ReceiveStock(ReceiveStock {
                sku: product.sku.to_owned(),
                reference: "delivery-1".to_owned(),
                quantity: product.stock,
            });
            for command in [register, receive] {
                assert!(domain::bounds::check(&command).is_empty(), "{command:?}");
            }
        }
    }

    #[test]
    fn the_scarce_product_is_in_the_catalogue() {
        assert!(PRODUCTS.iter().any(|product| product.sku == SCARCE));
    }
}
