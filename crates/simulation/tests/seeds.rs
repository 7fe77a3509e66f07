//! Many seeds, none of which may break a promise.
//!
//! ```text
//! cargo test -p simulation                                                        500 seeds
//! SPILLWAY_SEEDS=10000 cargo test --release -p simulation -- --nocapture          the long form
//! SPILLWAY_SEED=123 cargo test -p simulation -- --nocapture                       one of them again
//! ```
#![cfg(not(feature = "planted-bugs"))]

mod support;

use simulation::Tally;
use support::{each, number};

#[test]
fn no_seed_breaks_a_promise() {
    let seeds = match number("SPILLWAY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SPILLWAY_SEEDS").unwrap_or(500),
    };
    let count = seeds.end - seeds.start;
    let (total, broken) = each(seeds, simulation::run);
    println!("{count} seeds: {total:?}");
    assert!(
        broken.is_empty(),
        "{} of {count} seeds break a promise. Each runs again by SPILLWAY_SEED=<seed> cargo test -p \
         simulation -- --nocapture\n{}",
        broken.len(),
        broken
            .iter()
            .take(20)
            .map(|(seed, what)| format!("seed {seed}: {what}\n"))
            .collect::<String>()
    );
    if count >= 100 {
        saw_everything(&total);
    }
}

/// Faults that never happen prove nothing.
fn saw_everything(total: &Tally) {
    assert!(total.crashes > 0 && total.pauses > 0 && total.takeovers > 0);
    assert!(total.doubts > 0 && total.unreplicated_gone > 0 && total.lost_tails > 0);
    assert!(total.snapshots > 0 && total.repeated_snapshots > 0);
    assert!(total.torn_snapshots > 0 && total.damaged_snapshots > 0 && total.unfit_snapshots > 0);
    assert!(total.snapshot_restores > 0 && total.whole_restores > 0);
    assert!(total.archived > 0);
    assert!(total.answered > 0 && total.follow_ups > 0);
}
