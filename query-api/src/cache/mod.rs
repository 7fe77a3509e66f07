//! Rows that are asked for again and again, kept as the bytes that answer them.
//!
//! ```text
//! request -> memory -> one flight per key -> Redis (optional) -> a replica or the primary
//!              ^ dropped by the projector's notices; never older than `age`
//! ```
//!
//! - Every row carries the mark of its partition at which it was read, from the same snapshot. It
//!   answers a request only if that mark has passed the positions that the request brings.
//! - A notice names the mark at which a row has changed. A row from before it, wherever it comes
//!   from and however late, is not kept; nor is one of a lower version than the one that is there.
//! - Notices are hints. Without them nothing is kept longer than `age`.
//! - Whatever may change rows without moving marks (a switch of generations, a re-drive, a reset, a
//!   lost connection of the listener) begins a new era: all rows of the read model are forgotten, and
//!   the shared tier is not asked until what others put there before is gone.
//!
//! Rows that do not exist are not kept: whoever looks for one will soon find it there.

mod flight;
mod listener;
mod memory;
mod notice;
mod row;
mod shared;
mod store;

pub use listener::Listener;
pub use row::{Key, Row};
pub use shared::{Shared, SharedSettings};
pub use store::{Answered, Cache, Fetched, Tier};

use std::time::Duration;

/// Bounds of the memory.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Bytes of all rows together; 0 keeps none.
    pub bytes_max: u64,
    /// The longest that a row is kept.
    pub age: Duration,
}
