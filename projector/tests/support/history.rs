//! What happened: steps of one shard, with every event and every way an order can go.

use events::{
    Event, Money,
    line::{LineQuantity, OrderLine, PricedLine, RefusedLine, ReservedLine},
    order::{
        LateReservationReleased, OrderCancelled, OrderExpired, OrderPaid, OrderPlaced,
        OrderRejected, OrderReserved, OrderShipped, ReservationRecorded,
    },
    product::{
        LowStockThresholdSet, PriceChanged, ProductDeactivated, ProductReactivated,
        ProductRegistered, ReservationRefused, StockAdjusted, StockRanLow, StockReceived,
        StockReleased, StockReserved, StockShipped,
    },
};

/// The events of one step to one partition.
pub type Step = Vec<Event>;

const CURRENCY: &str = "EUR";
const PRICE: i64 = 250;

/// Steps of an orders shard: `count` orders whose lives overlap, each on one of seven ways. Ids
/// begin with `prefix`.
pub fn orders(prefix: &str, count: usize) -> Vec<Step> {
    let lives = (0..count).map(|n| order(&format!("{prefix}-{n}"), n % 7)).collect();
    interleave(lives)
}

/// Steps of a products shard: `count` products, two of which are reserved together in one step.
/// SKUs begin with `prefix`.
pub fn products(prefix: &str, count: usize) -> Vec<Step> {
    let lives = (0..count).map(|n| product_pair(&format!("{prefix}-{n}"))).collect();
    interleave(lives)
}

/// Takes one step of each life in turn.
fn interleave(mut lives: Vec<Vec<Step>>) -> Vec<Step> {
    lives.iter_mut().for_each(|life| life.reverse());
    let mut steps = Vec::new();
    while lives.iter().any(|life| !life.is_empty()) {
        steps.extend(lives.iter_mut().filter_map(Vec::pop));
    }
    steps
}

fn order(id: &str, way: usize) -> Vec<Step> {
    let events: Vec<Event> = match way {
        0 => vec![placed(id), reserved(id), paid(id), shipped(id)],
        1 => vec![placed(id), recorded(id), reserved(id), cancelled(id, false)],
        2 => vec![placed(id), rejected(id)],
        3 => vec![placed(id), reserved(id), expired(id)],
        4 => vec![placed(id), cancelled(id, false), late(id)],
        5 => vec![placed(id)],
        _ => vec![placed(id), reserved(id), paid(id), cancelled(id, true)],
    };
    events.into_iter().map(|event| vec![event]).collect()
}

fn product_pair(name: &str) -> Vec<Step> {
    let (a, b) = (format!("{name}-a"), format!("{name}-b"));
    let order = format!("{name}-order");
    let both = |make: &dyn Fn(&str) -> Event| vec![make(&a), make(&b)];
    vec![
        vec![registered(&a)],
        vec![registered(&b)],
        vec![received(&a, 10)],
        vec![received(&b, 20)],
        vec![threshold_set(&a, 7)],
        vec![stock_reserved(&a, &order, 4), ran_low(&a, 6, 7), stock_reserved(&b, &order, 4)],
        vec![reservation_refused(&order)],
        both(&|sku| stock_released(sku, &order, 1)),
        vec![deactivated(&a)],
        vec![deactivated(&b)],
        vec![reactivated(&b)],
        vec![adjusted(&a, -2)],
        both(&|sku| stock_shipped(sku, &order, 3)),
        vec![price_changed(&b)],
    ]
}

fn lines(id: &str) -> Vec<LineQuantity> {
    let line = |line| LineQuantity { line, sku: format!("{id}-sku{line}"), quantity: 2 };
    vec![line(1), line(2)]
}

fn placed(id: &str) -> Event {
    let line = |l: LineQuantity| OrderLine {
        line: l.line,
        sku: l.sku,
        quantity: l.quantity,
        unit_price_max: (l.line == 1).then_some(PRICE),
    };
    OrderPlaced {
        order_id: id.to_owned(),
        customer_id: Some("customer".to_owned()),
        currency: CURRENCY.to_owned(),
        lines: lines(id).into_iter().map(line).collect(),
    }
    .into()
}

fn recorded(id: &str) -> Event {
    ReservationRecorded {
        order_id: id.to_owned(),
        reserved: vec![ReservedLine { line: 1, unit_price: PRICE }],
        refused: vec![],
        withheld: vec![],
    }
    .into()
}

fn reserved(id: &str) -> Event {
    let line = |l: LineQuantity| PricedLine {
        line: l.line,
        sku: l.sku,
        quantity: l.quantity,
        unit_price: PRICE,
    };
    OrderReserved {
        order_id: id.to_owned(),
        lines: lines(id).into_iter().map(line).collect(),
        total: Money::new(4 * PRICE, CURRENCY),
        payment_deadline: 1_900_000_000_000,
    }
    .into()
}

fn rejected(id: &str) -> Event {
    let refused = RefusedLine {
        line: 2,
        sku: format!("{id}-sku2"),
        reason: "out-of-stock".to_owned(),
        available: Some(1),
    };
    OrderRejected {
        order_id: id.to_owned(),
        refused: vec![refused],
        released: lines(id).into_iter().take(1).collect(),
    }
    .into()
}

fn paid(id: &str) -> Event {
    OrderPaid {
        order_id: id.to_owned(),
        reference: "payment".to_owned(),
        amount: Money::new(4 * PRICE, CURRENCY),
    }
    .into()
}

fn shipped(id: &str) -> Event {
    let reference = "parcel".to_owned();
    OrderShipped { order_id: id.to_owned(), reference, lines: lines(id) }.into()
}

fn cancelled(id: &str, is_paid: bool) -> Event {
    OrderCancelled {
        order_id: id.to_owned(),
        reason: "changed my mind".to_owned(),
        refund_due: is_paid.then(|| Money::new(4 * PRICE, CURRENCY)),
        released: lines(id),
    }
    .into()
}

fn expired(id: &str) -> Event {
    OrderExpired { order_id: id.to_owned(), released: lines(id) }.into()
}

fn late(id: &str) -> Event {
    LateReservationReleased { order_id: id.to_owned(), released: lines(id) }.into()
}

fn registered(sku: &str) -> Event {
    ProductRegistered {
        sku: sku.to_owned(),
        name: format!("Product {sku}"),
        price: Money::new(PRICE, CURRENCY),
    }
    .into()
}

fn received(sku: &str, quantity: i64) -> Event {
    StockReceived { sku: sku.to_owned(), reference: "note".to_owned(), quantity }.into()
}

fn adjusted(sku: &str, quantity: i64) -> Event {
    StockAdjusted { sku: sku.to_owned(), quantity, reason: "count".to_owned() }.into()
}

fn stock_reserved(sku: &str, order_id: &str, quantity: i64) -> Event {
    StockReserved {
        sku: sku.to_owned(),
        order_id: order_id.to_owned(),
        quantity,
        unit_price: PRICE,
        lines: vec![1],
    }
    .into()
}

fn reservation_refused(order_id: &str) -> Event {
    ReservationRefused { order_id: order_id.to_owned(), lines: vec![] }.into()
}

fn stock_released(sku: &str, order_id: &str, quantity: i64) -> Event {
    StockReleased { sku: sku.to_owned(), order_id: order_id.to_owned(), quantity }.into()
}

fn stock_shipped(sku: &str, order_id: &str, quantity: i64) -> Event {
    StockShipped { sku: sku.to_owned(), order_id: order_id.to_owned(), quantity }.into()
}

fn price_changed(sku: &str) -> Event {
    PriceChanged { sku: sku.to_owned(), price: Money::new(PRICE + 1, CURRENCY) }.into()
}

fn threshold_set(sku: &str, pieces: i64) -> Event {
    LowStockThresholdSet { sku: sku.to_owned(), threshold: Some(pieces) }.into()
}

fn ran_low(sku: &str, available: i64, threshold: i64) -> Event {
    StockRanLow { sku: sku.to_owned(), available, threshold }.into()
}

fn deactivated(sku: &str) -> Event {
    ProductDeactivated { sku: sku.to_owned(), reason: "recalled".to_owned() }.into()
}

fn reactivated(sku: &str) -> Event {
    ProductReactivated { sku: sku.to_owned(), reason: "checked".to_owned() }.into()
}
