//! Given events of orders, then what they count for.

use chrono::NaiveDate;
use events::{
    Event, Money,
    line::PricedLine,
    order::{OrderCancelled, OrderPaid, OrderPlaced, OrderReserved, OrderShipped},
};

use super::{
    Days, Sale, Sales, Sold,
    sums::{Part, Sum, Sums},
};
use crate::{fact::Unfit, kit::Given};

fn placed() -> Event {
    let (order_id, currency) = ("o-1".to_owned(), "EUR".to_owned());
    OrderPlaced { order_id, customer_id: None, currency, lines: vec![] }.into()
}

fn line(line: i32, sku: &str, quantity: i64, unit_price: i64) -> PricedLine {
    PricedLine { line, sku: sku.to_owned(), quantity, unit_price }
}

fn reserved(total: i64) -> Event {
    OrderReserved {
        order_id: "o-1".to_owned(),
        lines: vec![line(1, "a", 2, 100), line(2, "b", 1, 50), line(3, "a", 3, 110)],
        total: Money::new(total, "EUR"),
        payment_deadline: 1,
    }
    .into()
}

fn paid(amount: i64) -> Event {
    let amount = Money::new(amount, "EUR");
    OrderPaid { order_id: "o-1".to_owned(), reference: "p-1".to_owned(), amount }.into()
}

fn shipped() -> Event {
    OrderShipped { order_id: "o-1".to_owned(), reference: "s".to_owned(), lines: vec![] }.into()
}

fn cancelled(refund_due: Option<i64>) -> Event {
    OrderCancelled {
        order_id: "o-1".to_owned(),
        reason: "late".to_owned(),
        refund_due: refund_due.map(|amount| Money::new(amount, "EUR")),
        released: vec![],
    }
    .into()
}

/// The day of every event of the kit.
fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2027, 1, 15).expect("a day")
}

#[test]
fn an_order_is_sold_on_the_day_of_its_payment_and_refunded_on_that_of_its_cancellation() {
    let both = Days { paid_on: Some(today()), refunded_on: Some(today()) };
    Given::<Sales>::events([placed()])
        .when(reserved(580))
        .then("o-1", |sale| {
            assert_eq!(sale.products["a"], Sold { pieces: 5, amount: 530 });
            assert_eq!(sale.products["b"], Sold { pieces: 1, amount: 50 });
            assert_eq!((sale.total_amount, sale.days), (580, Days::default()));
        })
        .when(paid(580))
        .then("o-1", |sale| assert_eq!(sale.days, Days { refunded_on: None, ..both }))
        .when(cancelled(Some(580)))
        .then("o-1", |sale| assert_eq!(sale.days, both));
}

#[test]
fn what_is_not_paid_is_not_sold() {
    Given::<Sales>::events([placed()]).when(cancelled(None)).then_none("o-1");
    Given::<Sales>::events([placed(), reserved(580)])
        .when(cancelled(None))
        .then("o-1", |sale| assert_eq!(sale.days, Days::default()));
    Given::<Sales>::events([placed(), reserved(580), paid(580)])
        .when(shipped())
        .then("o-1", |sale| assert_eq!(sale.days.paid_on, Some(today())));
}

#[test]
fn an_event_that_does_not_follow_is_put_aside() {
    let unfit = |given: &[Event], event: Event| {
        Given::<Sales>::events(given.iter().cloned()).when(event).then_unfit()
    };
    let ready = [placed(), reserved(580)];
    assert_eq!(unfit(&[placed()], paid(580)), Unfit::Missing);
    assert_eq!(unfit(&[placed()], shipped()), Unfit::Missing);
    assert_eq!(unfit(&[placed()], cancelled(Some(580))), Unfit::Missing);
    assert_eq!(unfit(&ready, reserved(580)), Unfit::Exists);
    assert_eq!(unfit(&ready, shipped()), Unfit::Missing);
    assert_eq!(unfit(&ready, cancelled(Some(580))), Unfit::Missing);
    assert_eq!(unfit(&[placed()], reserved(581)), Unfit::Range("total"));
    assert_eq!(unfit(&ready, paid(581)), Unfit::Range("amount"));
    let sold = [placed(), reserved(580), paid(580)];
    assert_eq!(unfit(&sold, paid(580)), Unfit::Exists);
    assert_eq!(unfit(&sold, cancelled(Some(579))), Unfit::Range("amount"));
    let huge = OrderReserved {
        order_id: "o-1".to_owned(),
        lines: vec![line(1, "a", i64::MAX, 2)],
        total: Money::new(1, "EUR"),
        payment_deadline: 1,
    };
    assert_eq!(unfit(&[placed()], huge.into()), Unfit::Range("amount"));
}

#[test]
fn sums_change_by_what_is_not_counted_yet() {
    let day = |day| NaiveDate::from_ymd_opt(2026, 11, day);
    let sale = |days: Days, counted: Days| Sale {
        order_id: "o-1".to_owned(),
        currency: "EUR".to_owned(),
        total_amount: 580,
        products: [
            ("a".to_owned(), Sold { pieces: 5, amount: 530 }),
            ("b".to_owned(), Sold { pieces: 1, amount: 50 }),
        ]
        .into(),
        days,
        version: 3,
        source_partition: 1,
        counted,
    };
    let paid = Days { paid_on: day(27), refunded_on: None };
    let refunded = Days { refunded_on: day(28), ..paid };
    let sales = [
        sale(Days::default(), Days::default()),
        sale(paid, Days::default()),
        sale(paid, paid),
        sale(refunded, paid),
        sale(refunded, Days::default()),
    ];
    let sums = Sums::changes(&sales);
    let part = |orders, pieces, amount| Part { orders, pieces, amount };
    let (of_27, of_28) = (day(27).expect("a day"), day(28).expect("a day"));
    let days: Vec<_> = sums.days.into_iter().collect();
    let sold = Sum { sold: part(2, 12, 1160), refunded: Part::default() };
    let given_back = Sum { sold: Part::default(), refunded: part(2, 12, 1160) };
    assert_eq!(days, [((of_27, "EUR", 1), sold), ((of_28, "EUR", 1), given_back)]);
    let of_b = sums.products[&("b", of_27, "EUR", 1)];
    assert_eq!(of_b, Sum { sold: part(2, 2, 100), refunded: Part::default() });
    assert_eq!(sums.products.len(), 4);

    let gone = Sums::without(&sales);
    assert_eq!(gone.days[&(of_27, "EUR", 1)].sold, part(-2, -12, -1160));
    assert!(!gone.days.contains_key(&(of_28, "EUR", 1)));
}
