//! What a file asks for: products, orders, and the lines that are left out.

use std::collections::{HashMap, hash_map::Entry};

use domain::bounds::LINES_MAX;
use serde::Serialize;

use super::{
    catalogue::{Catalogue, Product},
    reason::Reason,
    sheet::{Row, Sheet, Unreadable},
    usable::{self, Line},
};

/// A whole file, sorted. Every data line is in one order or in `skipped`.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Distinct invoice numbers.
    pub(super) invoices: usize,
    /// Data lines.
    pub(super) lines: usize,
    /// In the order of their first lines.
    pub(super) products: Vec<Product>,
    /// One per invoice with a usable line, in the order of their first lines.
    pub(super) orders: Vec<Order>,
    /// By line number.
    pub(super) skipped: Vec<Skipped>,
}

/// An invoice to be placed, with at least one line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) invoice: String,
    /// Absent for guests.
    pub(super) customer: Option<String>,
    pub(super) lines: Vec<OrderLine>,
}

/// A line of an order; its number is its place in the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OrderLine {
    pub(super) sku: String,
    /// Pieces, at least 1.
    pub(super) quantity: i64,
    /// Price of a piece in the file, in minor units.
    pub(super) price: i64,
}

/// A line that is not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Skipped {
    /// Number of the line in the file; the head is line 1.
    pub(super) line: u64,
    /// Empty when the line has none.
    pub(super) invoice: String,
    pub(super) reason: Reason,
}

/// An invoice number and how many usable lines it has.
#[derive(Debug)]
struct Invoice {
    number: String,
    usable: usize,
}

/// A usable line, where it stands, and the place of its invoice.
struct Found {
    at: u64,
    invoice: usize,
    line: Line,
}

impl Plan {
    /// Reads a whole sheet.
    ///
    /// # Errors
    /// The bytes cannot be read as CSV; a line that cannot be used is none.
    pub(super) fn of(sheet: Sheet<'_>) -> Result<Self, Unreadable> {
        let mut invoices = Invoices::default();
        let mut plan = Self::default();
        let mut found = Vec::new();
        for row in sheet.rows() {
            plan.lines += 1;
            match invoices.sort(row?) {
                Ok(usable) => found.push(usable),
                Err(skipped) => plan.skipped.push(skipped),
            }
        }
        let invoices = invoices.seen;
        plan.invoices = invoices.len();
        // How many lines an invoice has is known only now, for they need not stand together.
        plan.distribute(found, &invoices);
        plan.skipped.sort_by_key(|skipped| skipped.line);
        Ok(plan)
    }

    /// Gives each line to its order, unless the order would be too long.
    fn distribute(&mut self, found: Vec<Found>, invoices: &[Invoice]) {
        let mut orders = vec![Order::default(); invoices.len()];
        let mut catalogue = Catalogue::default();
        for Found { at, invoice, line } in found {
            let Invoice { number, usable } = &invoices[invoice];
            if *usable > LINES_MAX {
                let reason = Reason::TooManyLines { usable: *usable };
                self.skipped.push(Skipped { line: at, invoice: number.clone(), reason });
            } else {
                catalogue.add(&line);
                orders[invoice].add(number, line);
            }
        }
        self.products = catalogue.into_products();
        self.orders = orders.into_iter().filter(|order| !order.lines.is_empty()).collect();
    }
}

impl Order {
    /// The customer of an order is the first one that its lines name.
    fn add(&mut self, number: &str, line: Line) {
        if self.invoice.is_empty() {
            number.clone_into(&mut self.invoice);
        }
        self.customer = self.customer.take().or(line.customer);
        let (quantity, price) = (line.quantity, line.price);
        self.lines.push(OrderLine { sku: line.sku, quantity, price });
    }
}

/// The invoices so far, in the order of their first lines.
#[derive(Debug, Default)]
struct Invoices {
    seen: Vec<Invoice>,
    places: HashMap<String, usize>,
}

impl Invoices {
    fn sort(&mut self, row: Row) -> Result<Found, Skipped> {
        let (at, number) = (row.line, row.invoice.clone());
        let place = self.place(&number);
        match (usable::line(row), place) {
            (Ok(line), Some(invoice)) => {
                self.seen[invoice].usable += 1;
                Ok(Found { at, invoice, line })
            }
            (line, _) => {
                let reason = line.err().unwrap_or(Reason::NoInvoice);
                Err(Skipped { line: at, invoice: number, reason })
            }
        }
    }

    /// Where an invoice is kept; `None` for a line without a number.
    fn place(&mut self, number: &str) -> Option<usize> {
        if number.is_empty() {
            return None;
        }
        match self.places.entry(number.to_owned()) {
            Entry::Occupied(entry) => Some(*entry.get()),
            Entry::Vacant(entry) => {
                self.seen.push(Invoice { number: number.to_owned(), usable: 0 });
                Some(*entry.insert(self.seen.len() - 1))
            }
        }
    }
}

#[cfg(test)]
mod tests;
