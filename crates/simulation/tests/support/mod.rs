//! Running seeds on all processors.
#![allow(unreachable_pub)]

use std::{
    ops::Range,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use simulation::{Tally, Violation};

/// A number from the environment.
///
/// # Panics
/// When the variable is set to something else.
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Runs every seed; gives the sum of what they saw, and the seeds that break a promise.
pub fn each(
    seeds: Range<u64>,
    run: impl Fn(u64) -> Result<Tally, Violation> + Sync,
) -> (Tally, Vec<(u64, Violation)>) {
    let next = AtomicU64::new(seeds.start);
    let results = Mutex::new((Tally::default(), Vec::new()));
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let result = run(seed);
                    let mut results = results.lock().expect("no worker panics");
                    match result {
                        Ok(tally) => results.0 += tally,
                        Err(violation) => results.1.push((seed, violation)),
                    }
                }
            });
        }
    });
    let (total, mut broken) = results.into_inner().expect("no worker panics");
    broken.sort_by_key(|(seed, _)| *seed);
    (total, broken)
}
