//! Properties of every history: random commands, deliveries in any interleaving, time passing, and
//! shards that switch between the rules versions, each for itself.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Aggregates, Order, Product,
    order::{LineState, Status, placement_verdict},
    rules::Version,
};
use events::{
    Command, Event, Kind, Money,
    command::{
        AdjustStock, CancelOrder, ChangePrice, DeactivateProduct, PayOrder, PlaceOrder,
        ReactivateProduct, ReceiveStock, RegisterProduct, SetLowStockThreshold, ShipOrder,
    },
    line::OrderLine,
    partitioner::shard_of,
};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use crate::{
    kit::{eur, fold},
    world::{ORDER_SHARDS, PRODUCT_SHARDS, World},
};

/// Sold in EUR, spread over the shards; `dollar` is sold in USD, `ghost` is never registered.
const SKUS: [&str; 6] = ["A", "B", "C", "D", "dollar", "ghost"];

#[derive(Debug, Clone)]
enum Act {
    Client(Command),
    /// Pays what the order costs at that moment.
    PayExactly(String),
    /// Delivers on the n-th busy link.
    Deliver(usize),
    Pass(i64),
    /// The n-th shard switches its rules.
    Switch(usize, Version),
}

fn sku() -> impl Strategy<Value = String> {
    proptest::sample::select(SKUS.to_vec()).prop_map(str::to_owned)
}

fn order_id() -> impl Strategy<Value = String> {
    (0..8).prop_map(|n| format!("order-{n}"))
}

fn order_line() -> impl Strategy<Value = (String, i64, Option<i64>)> {
    (sku(), 1..4_i64, option::weighted(0.2, 1..5_i64))
}

fn place() -> impl Strategy<Value = Command> {
    (order_id(), vec(order_line(), 1..4)).prop_map(|(order_id, lines)| {
        let lines = (1..).zip(lines);
        Command::from(PlaceOrder {
            order_id,
            customer_id: None,
            currency: "EUR".to_owned(),
            lines: lines
                .map(|(line, (sku, quantity, unit_price_max))| OrderLine {
                    line,
                    sku,
                    quantity,
                    unit_price_max,
                })
                .collect(),
        })
    })
}

fn on_products() -> impl Strategy<Value = Command> {
    let reference = || (0..6).prop_map(|n| format!("note-{n}"));
    prop_oneof![
        (sku(), 1..5_i64).prop_map(|(sku, price)| ChangePrice { sku, price: eur(price) }.into()),
        (sku(), reference(), 1..9_i64).prop_map(|(sku, reference, quantity)| {
            let received = ReceiveStock { sku, reference, quantity };
            Command::from(received)
        }),
        (sku(), -4..4_i64).prop_map(|(sku, quantity)| {
            let reason = "count".to_owned();
            Command::from(AdjustStock { sku, quantity, reason })
        }),
    ]
}

/// What rules version 3 adds.
fn on_listings() -> impl Strategy<Value = Command> {
    prop_oneof![
        (sku(), any::<bool>()).prop_map(|(sku, is_sold)| {
            let reason = "season".to_owned();
            match is_sold {
                true => Command::from(ReactivateProduct { sku, reason }),
                false => Command::from(DeactivateProduct { sku, reason }),
            }
        }),
        (sku(), option::of(0..9_i64)).prop_map(|(sku, threshold)| {
            Command::from(SetLowStockThreshold { sku, threshold })
        }),
    ]
}

fn on_orders() -> impl Strategy<Value = Command> {
    let reference = || "reference".to_owned();
    prop_oneof![
        order_id().prop_map(move |order_id| {
            let (reference, amount) = (reference(), eur(1));
            Command::from(PayOrder { order_id, reference, amount })
        }),
        order_id().prop_map(move |order_id| {
            let reason = reference();
            Command::from(CancelOrder { order_id, reason })
        }),
        order_id().prop_map(move |order_id| {
            let reference = reference();
            Command::from(ShipOrder { order_id, reference })
        }),
    ]
}

fn version() -> impl Strategy<Value = Version> {
    let all = [Version::WholeOrders, Version::PartialReservation, Version::Catalogue];
    proptest::sample::select(all.to_vec())
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => place().prop_map(Act::Client),
        2 => on_products().prop_map(Act::Client),
        2 => on_listings().prop_map(Act::Client),
        3 => on_orders().prop_map(Act::Client),
        2 => order_id().prop_map(Act::PayExactly),
        10 => any::<usize>().prop_map(Act::Deliver),
        1 => (1..600_000_i64).prop_map(Act::Pass),
        2 => (any::<usize>(), version()).prop_map(|(shard, version)| Act::Switch(shard, version)),
    ];
    vec(act, 1..120)
}

/// The same acts, with every shard under version 3 from the start.
fn under_three(acts: Vec<Act>) -> Vec<Act> {
    let all = usize::try_from(ORDER_SHARDS + PRODUCT_SHARDS).expect("a few shards");
    let switched = (0..all).map(|shard| Act::Switch(shard, Version::Catalogue));
    let others = acts.into_iter().filter(|act| !matches!(act, Act::Switch(..)));
    switched.chain(others).collect()
}

/// All products but the ghost with some stock, then the acts; follow-ups may still be on their way.
fn world(acts: &[Act]) -> World {
    let mut world = World::new();
    for sku in SKUS.into_iter().filter(|sku| *sku != "ghost") {
        let currency = if sku == "dollar" { "USD" } else { "EUR" };
        world.client(&Command::from(RegisterProduct {
            sku: sku.to_owned(),
            name: sku.to_owned(),
            price: Money::new(3, currency),
        }));
        world.client(&Command::from(ReceiveStock {
            sku: sku.to_owned(),
            reference: "first".to_owned(),
            quantity: 9,
        }));
    }
    for act in acts {
        match act {
            Act::Client(command) => world.client(command),
            Act::PayExactly(order_id) => pay_exactly(&mut world, order_id),
            Act::Deliver(choice) => {
                world.deliver(*choice);
            }
            Act::Pass(milliseconds) => world.pass(*milliseconds),
            Act::Switch(shard, version) => world.switch(*shard, *version),
        }
    }
    world
}

fn pay_exactly(world: &mut World, order_id: &str) {
    let order = world.aggregates.orders.get(order_id);
    if let Some(amount) = order.and_then(|order| order.summary().total) {
        world.client(&Command::from(PayOrder {
            order_id: order_id.to_owned(),
            reference: "exact".to_owned(),
            amount,
        }));
    }
}

/// Pieces on hand by SKU, from receipts, adjustments and shipments alone.
fn on_hand(log: &[Event]) -> BTreeMap<&str, i64> {
    let mut pieces: BTreeMap<&str, i64> = BTreeMap::new();
    for event in log {
        let (sku, change) = match event {
            Event::StockReceived(e) => (&e.sku, e.quantity),
            Event::StockAdjusted(e) => (&e.sku, e.quantity),
            Event::StockShipped(e) => (&e.sku, -e.quantity),
            _ => continue,
        };
        *pieces.entry(sku).or_default() += change;
    }
    pieces
}

/// Pieces that orders believe to hold, by SKU.
fn held(aggregates: &Aggregates) -> BTreeMap<&str, i64> {
    let mut pieces: BTreeMap<&str, i64> = BTreeMap::new();
    for line in aggregates.orders.values().flat_map(|order| order.lines()) {
        if let LineState::Held { .. } = line.state {
            *pieces.entry(&line.sku).or_default() += line.quantity;
        }
    }
    pieces
}

/// Every `StockRanLow` follows a fall from above a threshold, by its own arithmetic; under version 3
/// alone, so that none is missing either.
fn crossings(log: &[Event]) -> (Vec<String>, Vec<String>) {
    let mut levels: BTreeMap<&str, (i64, Option<i64>)> = BTreeMap::new();
    let (mut fallen, mut told) = (Vec::new(), Vec::new());
    for event in log {
        let change = match event {
            Event::StockReceived(e) => e.quantity,
            Event::StockAdjusted(e) => e.quantity,
            Event::StockReserved(e) => -e.quantity,
            Event::StockReleased(e) => e.quantity,
            Event::LowStockThresholdSet(e) => {
                levels.entry(&e.sku).or_default().1 = e.threshold;
                continue;
            }
            Event::StockRanLow(e) => {
                told.push(format!("{} {} {}", e.sku, e.available, e.threshold));
                continue;
            }
            _ => continue,
        };
        let (available, threshold) = levels.entry(event.key()).or_default();
        let before = *available;
        *available += change;
        if let Some(threshold) = *threshold
            && before > threshold
            && *available <= threshold
        {
            fallen.push(format!("{} {available} {threshold}", event.key()));
        }
    }
    (fallen, told)
}

proptest! {
    #[test]
    fn under_version_three_every_fall_to_a_threshold_is_told_once(acts in acts()) {
        let mut world = world(&under_three(acts));
        world.drain();
        let (fallen, told) = crossings(&world.log);
        prop_assert_eq!(fallen, told);
    }

    #[test]
    fn stock_is_conserved(acts in acts()) {
        let mut world = world(&acts);
        world.drain();
        let on_hand = on_hand(&world.log);
        let held = held(&world.aggregates);
        for (sku, product) in &world.aggregates.products {
            prop_assert_eq!(product.on_hand(), on_hand[sku.as_str()]);
            prop_assert_eq!(product.reserved(), held.get(sku.as_str()).copied().unwrap_or(0));
        }
        prop_assert!(held.keys().all(|sku| world.aggregates.products.contains_key(*sku)));
    }

    #[test]
    fn every_order_ends_or_waits_for_its_customer(acts in acts()) {
        let mut world = world(&acts);
        world.drain();
        world.pass(0);
        world.drain();
        for order in world.aggregates.orders.values() {
            let waits = match order.status() {
                Status::Placed => false,
                Status::Reserved => order.payment_deadline().is_some_and(|at| at > world.now),
                Status::Paid => true,
                Status::Rejected | Status::Shipped | Status::Cancelled | Status::Expired => {
                    order.is_settled()
                }
            };
            prop_assert!(waits, "{:?}", order);
        }
    }

    #[test]
    fn no_order_is_lost_and_every_placement_is_answered(acts in acts()) {
        let mut world = world(&acts);
        world.drain();
        let log = world.log.iter();
        let placed: BTreeSet<&str> = log
            .clone()
            .filter(|event| matches!(event, Event::OrderPlaced(_)))
            .map(Event::key)
            .collect();
        let answered: BTreeSet<&str> = log
            .filter(|event| placement_verdict(event).is_some())
            .map(Event::key)
            .collect();
        let kept: BTreeSet<&str> = world.aggregates.orders.keys().map(String::as_str).collect();
        prop_assert_eq!(&placed, &kept);
        prop_assert_eq!(&placed, &answered);
    }

    #[test]
    fn state_is_the_fold_of_the_events_and_survives_a_snapshot(acts in acts()) {
        let first = world(&acts);
        prop_assert_eq!(&first, &world(&acts));

        let mut folded = Aggregates::default();
        for event in &first.log {
            fold(&mut folded, event);
        }
        prop_assert_eq!(&folded, &first.aggregates);

        let orders = serde_json::to_string(&folded.orders).expect("orders have a snapshot form");
        let products = serde_json::to_string(&folded.products).expect("products have one too");
        let products: BTreeMap<String, Product> =
            serde_json::from_str(&products).expect("products read back");
        let listed = |(sku, product): (String, Product)| {
            let listing = folded.products[&sku].listing();
            (sku, product.with_listing(listing))
        };
        let orders: BTreeMap<String, Order> =
            serde_json::from_str(&orders).expect("orders read back");
        let mut restored = Aggregates::default();
        restored.orders.extend(orders);
        restored.products.extend(products.into_iter().map(listed));
        prop_assert_eq!(&restored, &folded);
    }
}

/// Guards the properties against worlds in which nothing interesting happens.
#[test]
fn the_random_worlds_reach_every_event_and_several_shards() {
    let shards: BTreeSet<_> =
        SKUS.iter().map(|sku| shard_of(Kind::Products, sku, PRODUCT_SHARDS)).collect();
    assert!(shards.len() > 1);

    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for n in 0..100 {
        let acts = acts().new_tree(&mut runner).expect("acts can be drawn").current();
        // What only version 3 knows is rare where shards switch at random.
        let mut world = world(&if n % 2 == 0 { acts } else { under_three(acts) });
        world.drain();
        seen.extend(world.log.iter().map(Event::name));
    }
    let of_this_world =
        |name: &&str| matches!(Event::kind_of(name), Some(Kind::Orders | Kind::Products));
    assert_eq!(seen, Event::NAMES.iter().copied().filter(of_this_world).collect());
}
