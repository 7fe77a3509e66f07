//! Bytes that a shard takes for what it remembers, measured at the allocator.
//!
//! A state is taken through the life of its orders, and at each stage a fresh copy of it is measured
//! (a restored shard's memory: what `format::decode` of the snapshot leaves allocated). A figure is the
//! difference of two stages that differ in one thing only.

use shard::{State, format};
use stats_alloc::Region;

use crate::{
    ALLOCATOR,
    kit::Stored,
    report::{Report, number},
    shop::{ORDERS, Shop, parameters, stepped},
};

/// PROTOCOL 16 and 18 say about so much.
const DEDUP_BYTES: f64 = 64.0;
const TOMBSTONE_BYTES: f64 = 32.0;

/// A shard on its way through the life of its orders.
struct Life {
    shop: Shop,
    state: State,
    keep_ms: i64,
    dedup_ms: i64,
}

impl Life {
    fn begin() -> Self {
        let day_ms = 86_400_000;
        let parameters = events::command::Parameters {
            // One step forgets all that is due, and nothing expires on the way.
            evict_max: i32::MAX,
            payment_deadline_ms: 30 * day_ms,
            keep_ms: 60 * day_ms,
            ..parameters()
        };
        let (shop, first) = Shop::open(parameters);
        let mut state = State::new(ORDERS);
        for record in &first {
            stepped(&mut state, record);
        }
        Self { shop, state, keep_ms: parameters.keep_ms, dedup_ms: parameters.dedup_ms }
    }

    fn each(&mut self, orders: u64, act: impl Fn(&mut Shop, u64, &mut State)) {
        for n in 0..orders {
            act(&mut self.shop, n, &mut self.state);
        }
    }

    /// Lets so much time pass, and steps whatever that makes due.
    fn wait(&mut self, ms: i64) {
        self.shop.wait(ms + 1);
        let tick = self.shop.tick();
        stepped(&mut self.state, &tick);
    }

    /// Bytes allocated for the state, and nothing else.
    fn bytes(&self) -> f64 {
        let bytes = format::encode(&self.state);
        let region = Region::new(ALLOCATOR);
        let state = format::decode(&bytes).expect("the state just encoded");
        let change = region.change();
        drop(state);
        number(change.bytes_allocated.saturating_sub(change.bytes_deallocated))
    }
}

pub(crate) fn measure(report: &Report, orders: u64) {
    report.section(&format!("Bytes of memory an entry, of {orders}"));
    let an_entry = number(usize::try_from(orders).unwrap_or(usize::MAX));
    let mut life = Life::begin();
    let empty = life.bytes();
    life.each(orders, |shop, _, state| shop.place(&mut |r: &Stored| stepped(state, r)));
    let placed = life.bytes();
    report.figure(&format!("memory/{orders}/whole_state"), placed, "bytes");
    let estimated = number(life.state.bytes_estimated());
    report.ratio(&format!("memory/{orders}/estimated"), estimated, "bytes", "measured", placed);
    assert_eq!(number(life.state.dedup_entries()), an_entry, "every placement is remembered");
    life.wait(life.dedup_ms);
    assert_eq!(life.state.dedup_entries(), 0, "every placement is forgotten");
    let forgotten = life.bytes();
    let dedup = (placed - forgotten) / an_entry;
    let promise = "promised";
    report.ratio(&format!("memory/{orders}/dedup_entry"), dedup, "bytes", promise, DEDUP_BYTES);

    life.each(orders, |shop, n, state| shop.pay(n, &mut |r: &Stored| stepped(state, r)));
    life.wait(life.dedup_ms);
    let paid = life.bytes();
    report.figure(&format!("memory/{orders}/deadline"), (forgotten - paid) / an_entry, "bytes");
    report.figure(&format!("memory/{orders}/live_order"), (paid - empty) / an_entry, "bytes");

    life.each(orders, |shop, n, state| shop.ship(n, &mut |r: &Stored| stepped(state, r)));
    life.wait(life.dedup_ms);
    let shipped = life.bytes();
    report.figure(&format!("memory/{orders}/final_order"), (shipped - empty) / an_entry, "bytes");
    life.wait(life.keep_ms);
    assert_eq!(life.state.live_aggregates(), 0, "every order has left");
    assert_eq!(number(life.state.tombstones()), an_entry);
    let tombstone = (life.bytes() - empty) / an_entry;
    report.ratio(
        &format!("memory/{orders}/tombstone"),
        tombstone,
        "bytes",
        promise,
        TOMBSTONE_BYTES,
    );
}

/// Orders of many lines, all refused: the largest outcomes that can be remembered.
pub(crate) fn measure_refusals(report: &Report) {
    const REFUSALS: u64 = 100;
    report.section("Bytes of memory a refused order of 1,000 lines");
    let mut life = Life::begin();
    life.each(REFUSALS, |shop, _, state| {
        shop.place_refused(1_000, &mut |record: &Stored| stepped(state, record));
    });
    let remembered = life.bytes();
    life.wait(life.dedup_ms);
    let forgotten = life.bytes();
    life.wait(life.keep_ms);
    let gone = life.bytes();
    let each = |bytes: f64| bytes / number(usize::try_from(REFUSALS).unwrap_or(1));
    let dedup = each(remembered - forgotten);
    report.ratio("memory/refusal/dedup_entry", dedup, "bytes", "promised", DEDUP_BYTES);
    report.figure("memory/refusal/rejected_order", each(forgotten - gone), "bytes");
}
