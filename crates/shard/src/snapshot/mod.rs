//! Snapshots (PROTOCOL 6, 7), without the place where they are kept.
//!
//! ```text
//! committed offset ──Recorder: silent replay, chain compared──> Snapshot ──published under its Name
//! candidates(names, log) ──read(name, bytes, log)──> State ──> Processor::restore_from
//! ```
//! A snapshot shortens a restore and is never the truth: one that cannot be used is passed over for
//! an older one, or for the start of the log.

mod choice;
mod name;
mod recorder;
mod retention;

pub use choice::{Log, Unfit, Want, candidates, read};
pub use name::{Name, NotAName};
pub use recorder::{Recorder, Snapshot};
pub use retention::{Kept, Pace, Retention, removable};
