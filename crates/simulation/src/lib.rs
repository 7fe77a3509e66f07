//! The real protocol code over a log in memory, with faults by seed.
//!
//! What runs is `shard::step`, `shard::processor`, `shard::snapshot` and `shard::edge`, as the processes
//! run them. What is a model: brokers, the client library, the network, the consumer group, the place of
//! the snapshots, callers and readers.
//! One seed is one run: the same on every machine.
//!
//! ```text
//! faults for some seconds -> all faults end, one owner each, run to rest -> compare with the
//! sequential reference run of the same logs, and check what no reference knows
//! ```

mod broker;
mod callers;
mod checks;
mod edge;
mod faults;
mod group;
mod heal;
mod library;
mod moves;
mod network;
mod node;
#[cfg(feature = "planted-bugs")]
pub mod planted;
mod producer;
mod random;
mod reader;
mod reference;
mod restores;
mod storage;
mod taker;
mod trouble;
mod world;

use std::fmt;

pub use world::Tally;
use world::World;

/// Turns with faults in one run.
const TURNS: usize = 2_500;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub(crate) String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs one seed from the first record to the last check.
///
/// # Errors
/// What this seed breaks.
pub fn run(seed: u64) -> Result<Tally, Violation> {
    let mut world = World::new(seed);
    for _ in 0..TURNS {
        world.turn()?;
        world.trouble();
    }
    world.heal()?;
    checks::check(&world)?;
    Ok(world.tally())
}
