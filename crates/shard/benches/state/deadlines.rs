//! A million pending deadlines: how late they are noticed, and what a Tick costs.
//!
//! The owner's own tick logic runs against a virtual clock; its Ticks come back from the log a round
//! trip later. Lateness is log time: from a deadline to the Tick that expires it.

use std::{collections::BTreeMap, time::Instant};

use events::{Event, Topic, order::OrderExpired};
use hdrhistogram::Histogram;
use shard::{State, owner::Owner};

use crate::{
    kit::Stored,
    report::{Report, histogram, number, percentile_us, record},
    shop::{ORDERS, Shop, parameters, stepped},
};

/// From the append of a Tick to its being read.
const ROUND_TRIP_MS: u64 = 5;
/// Orders that one shard reserves in a second of a burst; as many deadlines come due in one later.
const BURST_A_SECOND: u64 = 5_000;
/// How often the processor looks whether a Tick is due.
const LOOK_MS: u64 = 20;

pub(crate) fn measure(report: &Report, orders: u64) {
    report.section(&format!("{orders} pending deadlines"));
    // Placed over the whole of a payment deadline, so that the last comes when the first is due.
    let deadline_ms = u64::try_from(parameters().payment_deadline_ms).unwrap_or(0);
    run(report, "steady", orders, deadline_ms);
    // A sale that opens: the first tenth comes as fast as one shard may reserve.
    run(report, "burst_of_a_tenth", orders, (orders / 10) * 1_000 / BURST_A_SECOND);
}

fn run(report: &Report, name: &str, orders: u64, within_ms: u64) {
    let (mut shop, first) = Shop::open(parameters());
    let mut state = State::new(ORDERS);
    for record in &first {
        stepped(&mut state, record);
    }
    // In a burst a tenth of the orders comes in front of the others.
    let at_once = if name == "steady" { orders } else { orders / 10 };
    let mut due = BTreeMap::new();
    let mut waited = 0;
    for n in 0..orders {
        shop.place(&mut |record: &Stored| stepped(&mut state, record));
        due.insert(Shop::order_id(n), shop.now() + parameters().payment_deadline_ms);
        let so_far = if n < at_once {
            n * within_ms / at_once
        } else {
            let rest_ms = u64::try_from(parameters().payment_deadline_ms).unwrap_or(0) - within_ms;
            within_ms + (n - at_once) * rest_ms / (orders - at_once)
        };
        shop.wait(i64::try_from(so_far - waited).unwrap_or(0));
        waited = so_far;
    }
    assert!(state.earliest_deadline().is_some_and(|first| first >= shop.now()), "none is due yet");
    expire(report, name, shop, Owner::new(state, None).expect("a live owner"), &due);
}

fn expire(
    report: &Report,
    name: &str,
    mut shop: Shop,
    mut owner: Owner,
    due: &BTreeMap<String, i64>,
) {
    let mut lateness: Histogram<u64> = histogram();
    let mut work = histogram();
    let (mut monotonic_ms, mut ticks, mut expired, mut most) = (0_u64, 0_usize, 0_usize, 0);
    while expired < due.len() {
        if owner.tick_due(monotonic_ms) {
            shop.wait(i64::try_from(ROUND_TRIP_MS).unwrap_or(0));
            monotonic_ms += ROUND_TRIP_MS;
            let tick = shop.tick();
            let began = Instant::now();
            let outputs = at(&mut owner, &tick, monotonic_ms);
            record(&mut work, began.elapsed());
            let now = shop.now();
            let of_tick: Vec<i64> = outputs.iter().filter_map(|o| deadline_of(o, due)).collect();
            for deadline in &of_tick {
                lateness.saturating_record(u64::try_from(now - deadline).unwrap_or(0));
            }
            ticks += 1;
            expired += of_tick.len();
            most = most.max(of_tick.len());
            if !of_tick.is_empty() {
                // The processor looks again at once.
                continue;
            }
        }
        shop.wait(i64::try_from(LOOK_MS).unwrap_or(0));
        monotonic_ms += LOOK_MS;
    }
    #[allow(clippy::cast_precision_loss)]
    let late = |percent| lateness.value_at_percentile(percent) as f64;
    let tell =
        |what: &str, value, unit| report.figure(&format!("deadlines/{name}/{what}"), value, unit);
    tell("ticks", number(ticks), "ticks");
    tell("expired_by_one_tick_max", number(most), "orders");
    tell("lateness_p50", late(50.0), "ms");
    tell("lateness_p99", late(99.0), "ms");
    report.ratio(&format!("deadlines/{name}/lateness_max"), late(100.0), "ms", "a second", 1_000.0);
    tell("tick_work_p50", percentile_us(&work, 50.0), "us");
    tell("tick_work_max", percentile_us(&work, 100.0), "us");
}

fn at(owner: &mut Owner, tick: &Stored, monotonic_ms: u64) -> Vec<shard::Output> {
    let record = shard::Record {
        offset: owner.state().next_offset(),
        timestamp: tick.timestamp,
        key: None,
        value: tick.value.as_deref(),
        headers: events::header::View(&[]),
    };
    owner.on_record(&record, monotonic_ms).expect("a tick halts nothing").0
}

/// The deadline of the order that an output says is expired.
fn deadline_of(output: &shard::Output, due: &BTreeMap<String, i64>) -> Option<i64> {
    let is_expiry = matches!(output.topic, Topic::Events(_))
        && output.event == Some(<OrderExpired as events::codec::Record>::FULL_NAME);
    let event = Event::from_datum(output.event?, &output.value).ok().filter(|_| is_expiry)?;
    due.get(event.key()).copied()
}
