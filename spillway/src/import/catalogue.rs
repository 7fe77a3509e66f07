//! The products of a file: each at its first price, with stock for all its orders.

use std::collections::{HashMap, hash_map::Entry};

use domain::bounds::{QUANTITY_MAX, TEXT_CHARS_MAX};

use super::usable::Line;

/// A product to be registered and stocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) sku: String,
    /// The first description in the file, else the SKU.
    pub(super) name: String,
    /// The first price in the file, in minor units.
    pub(super) price: i64,
    /// Pieces that the orders of the file need together.
    pub(super) pieces: i64,
}

/// The products so far, in the order of their first lines.
#[derive(Debug, Default)]
pub(super) struct Catalogue {
    products: Vec<Product>,
    places: HashMap<String, usize>,
}

impl Catalogue {
    /// Takes in a line; lines come in the order of the file.
    pub(super) fn add(&mut self, line: &Line) {
        let place = match self.places.entry(line.sku.clone()) {
            Entry::Occupied(entry) => *entry.get(),
            Entry::Vacant(entry) => {
                let (sku, name) = (line.sku.clone(), String::new());
                self.products.push(Product { sku, name, price: line.price, pieces: 0 });
                *entry.insert(self.products.len() - 1)
            }
        };
        let product = &mut self.products[place];
        product.pieces += line.quantity;
        if product.name.is_empty() {
            product.name = name(&line.description);
        }
    }

    pub(super) fn into_products(mut self) -> Vec<Product> {
        for product in &mut self.products {
            if product.name.is_empty() {
                product.name.clone_from(&product.sku);
            }
        }
        self.products
    }
}

impl Product {
    /// The pieces as deliveries of a size that one receipt takes, numbered from 1.
    pub(super) fn deliveries(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        let pieces = self.pieces;
        (0..)
            .map(move |number| (number + 1, (pieces - number * QUANTITY_MAX).min(QUANTITY_MAX)))
            .take_while(|(_, pieces)| *pieces > 0)
    }
}

/// A description as a name: without control characters, and cut where it is too long.
fn name(description: &str) -> String {
    let printable = description.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(TEXT_CHARS_MAX).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use domain::bounds::is_text;

    use super::*;

    fn line(sku: &str, description: &str, quantity: i64, price: i64) -> Line {
        let (sku, description) = (sku.to_owned(), description.to_owned());
        Line { sku, description, quantity, price, customer: None }
    }

    fn products(lines: &[Line]) -> Vec<Product> {
        let mut catalogue = Catalogue::default();
        lines.iter().for_each(|line| catalogue.add(line));
        catalogue.into_products()
    }

    #[test]
    fn a_product_has_its_first_price_its_first_description_and_all_its_pieces() {
        let lines = [line("22752", "", 2, 765), line("22752", "DOLLS", 3, 850)];
        let product = &products(&lines)[0];
        assert_eq!((product.name.as_str(), product.price, product.pieces), ("DOLLS", 765, 5));
    }

    #[test]
    fn without_a_description_the_code_is_the_name() {
        assert_eq!(products(&[line("22752", "", 2, 765)])[0].name, "22752");
    }

    #[test]
    fn every_name_is_one_that_the_rules_allow() {
        for description in ["two\nlines\t", &"é".repeat(300), "\u{7}"] {
            let product = &products(&[line("22752", description, 1, 1)])[0];
            assert!(is_text(&product.name), "{:?}", product.name);
        }
    }

    #[test]
    fn stock_arrives_in_deliveries_that_the_rules_allow() {
        let of = |pieces| {
            let product = Product { sku: String::new(), name: String::new(), price: 1, pieces };
            product.deliveries().collect::<Vec<_>>()
        };
        assert_eq!(of(7), [(1, 7)]);
        assert_eq!(of(QUANTITY_MAX), [(1, QUANTITY_MAX)]);
        assert_eq!(of(2 * QUANTITY_MAX + 1), [(1, QUANTITY_MAX), (2, QUANTITY_MAX), (3, 1)]);
    }
}
