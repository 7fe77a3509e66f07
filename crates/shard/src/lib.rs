//! A shard: the pure state machine around the domain, and the pure part of owning it.
//!
//! `step(state, record)` is the whole system's decision: no clock, no randomness, no I/O, no map
//! iteration order. The same log gives the same bytes on every machine, for ever. `owner` is the
//! protocol of owning one shard: what is silent, what is out, what may be committed. `processor` is
//! the protocol of running many with one producer, `edge` that of sending commands and believing replies;
//! the processes and the simulation drive the same code.

#[macro_use]
mod plant;

mod answer;
mod chain;
mod client;
mod control;
pub mod edge;
mod emit;
mod fold;
mod follow_up;
mod halt;
mod intake;
mod output;
pub mod owner;
mod plan;
#[cfg(feature = "planted-bugs")]
pub mod planted;
pub mod processor;
mod record;
mod rules;
mod rules_log;
pub mod snapshot;
mod state;
mod step;
pub mod trial;

pub use chain::Chain;
pub use halt::Halt;
pub use output::Output;
pub use plan::Notice;
pub use record::{Record, Timestamp};
pub use rules::{KNOWN_RULES, Revision};
pub use rules_log::RulesLog;
pub use state::{State, format};
pub use step::{Step, step};
