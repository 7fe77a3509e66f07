//! Runs with a bug in them.

pub use shard::planted::Bug;

use shard::planted::plant;

use crate::{Tally, Violation};

/// Runs one seed with this bug.
///
/// # Errors
/// What the bug breaks.
pub fn run(seed: u64, bug: Bug) -> Result<Tally, Violation> {
    plant(Some(bug));
    let result = crate::run(seed);
    plant(None);
    result
}
