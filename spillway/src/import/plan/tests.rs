//! The plan of small made-up files, of any file, and of the real one.

use std::{fs, io::ErrorKind, path::Path};

use proptest::prelude::*;

use super::*;

const HEAD: &str =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

fn plan(body: &str) -> Plan {
    let text = format!("{HEAD}{body}");
    Plan::of(Sheet::open(text.as_bytes()).unwrap()).unwrap()
}

fn line(invoice: &str, sku: &str, quantity: i64, price: &str) -> String {
    format!("{invoice},{sku},THING,{quantity},2010-12-01 08:26:00,{price},,UK\n")
}

#[test]
fn an_invoice_is_placed_with_its_usable_lines_only() {
    let plan = plan(
        &[
            line("1", "22752", 2, "7.65"),
            line("1", "POST", 1, "18.00"),
            line("2", "22752", -1, "7.65"),
            line("C3", "22752", -2, "7.65"),
        ]
        .concat(),
    );
    assert_eq!((plan.invoices, plan.lines, plan.orders.len()), (3, 4, 1));
    assert_eq!(plan.orders[0].invoice, "1");
    assert_eq!(plan.orders[0].lines.len(), 1);
    let skipped: Vec<_> = plan.skipped.into_iter().map(|s| (s.line, s.reason)).collect();
    assert_eq!(
        skipped,
        [(3, Reason::NoProductCode), (4, Reason::QuantityNotAboveZero), (5, Reason::Cancellation)]
    );
}

#[test]
fn lines_of_an_invoice_need_not_stand_together() {
    let plan = plan(
        &[
            line("1", "22752", 2, "7.65"),
            line("2", "22752", 1, "7.65"),
            line("1", "22752", 3, "8.50"),
        ]
        .concat(),
    );
    let quantities: Vec<i64> = plan.orders[0].lines.iter().map(|line| line.quantity).collect();
    assert_eq!(quantities, [2, 3]);
    assert_eq!(plan.orders.len(), 2);
    assert_eq!((plan.products[0].price, plan.products[0].pieces), (765, 6));
}

#[test]
fn the_customer_is_the_first_one_that_is_named() {
    let plan = plan("1,22752,,1,d,1,,UK\n1,22753,,1,d,1,17850.0,UK\n1,22754,,1,d,1,9.0,UK\n");
    assert_eq!(plan.orders[0].customer.as_deref(), Some("17850"));
}

#[test]
fn an_invoice_that_no_order_can_hold_is_left_out_with_its_stock() {
    let long: String = (0..=LINES_MAX).map(|_| line("1", "22752", 1, "1")).collect();
    let plan = plan(&(long + &line("2", "22752", 5, "2")));
    assert_eq!((plan.invoices, plan.orders.len(), plan.skipped.len()), (2, 1, LINES_MAX + 1));
    assert_eq!(plan.skipped[0].reason, Reason::TooManyLines { usable: LINES_MAX + 1 });
    assert_eq!((plan.products[0].price, plan.products[0].pieces), (200, 5));
}

#[test]
fn a_line_without_an_invoice_makes_none() {
    let plan = plan(&line("", "22752", 1, "1"));
    assert_eq!((plan.invoices, plan.lines), (0, 1));
    assert_eq!(plan.skipped[0].reason, Reason::NoInvoice);
}

proptest! {
    #[test]
    fn every_line_is_in_one_order_or_skipped_and_every_piece_is_stocked(
        lines in prop::collection::vec(
            ("(C|)[1-4]", "(2275[0-9]|POST|22752B)", -2i64..9, "[0-3]\\.[0-9]{1,3}"),
            0..60,
        ),
    ) {
        let body: String = lines
            .iter()
            .map(|(invoice, sku, quantity, price)| line(invoice, sku, *quantity, price))
            .collect();
        let plan = plan(&body);
        prop_assert_eq!(plan.lines, lines.len());
        let placed: usize = plan.orders.iter().map(|order| order.lines.len()).sum();
        prop_assert_eq!(placed + plan.skipped.len(), plan.lines);
        prop_assert!(plan.skipped.is_sorted_by(|a, b| a.line < b.line));
        let ordered = plan.orders.iter().flat_map(|order| &order.lines);
        let stocked: i64 = plan.products.iter().map(|product| product.pieces).sum();
        prop_assert_eq!(ordered.map(|line| line.quantity).sum::<i64>(), stocked);
    }
}

/// The real file lies beside the repository, not in it: its licence asks for attribution wherever
/// it goes (Chen, Sain, Guo 2012; UCI Machine Learning Repository, CC BY 4.0).
#[test]
fn the_real_file_has_286_usable_invoices_of_332() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/online-retail.csv");
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            eprintln!("skipped: there is no ../shared/data/online-retail.csv");
            return;
        }
        Err(error) => panic!("{}: {error}", path.display()),
    };
    let plan = Plan::of(Sheet::open(&bytes).unwrap()).unwrap();
    assert_eq!((plan.invoices, plan.orders.len()), (332, 286));
    assert_eq!((plan.lines, plan.skipped.len()), (6_349, 110));
    let cancelled = plan.skipped.iter().filter(|skipped| skipped.reason == Reason::Cancellation);
    assert!(cancelled.clone().all(|skipped| skipped.invoice.starts_with('C')));
    let longest = plan.orders.iter().map(|order| order.lines.len()).max();
    assert_eq!(longest, Some(592));
}
