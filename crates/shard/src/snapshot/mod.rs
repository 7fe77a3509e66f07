//! Snapshots (PROTOCOL 6, 7), without the place where they are kept.
//!
//! ```text
//! commits ──Schedule: which is due──> Recorder: silent replay, chain compared ──> Snapshot
//! Snapshot ──published under its Name, once; a name that is taken is compared──> Standing
//! candidates(names, log) ──read(name, bytes, log)──> State ──> Processor::restore_from
//! ```
//! A snapshot shortens a restore and is never the truth: one that cannot be used is passed over for
//! an older one, or for the start of the log.

mod choice;
mod name;
mod recorder;
mod retention;
mod schedule;
mod standing;

pub use choice::{Log, Unfit, Want, candidates, read, stream_id};
pub use name::{Name, NotAName};
pub use recorder::{Recorder, Snapshot};
pub use retention::{Kept, Pace, Retention, expendable_below, removable};
pub use schedule::{Last, Schedule};
pub use standing::{Standing, standing};
