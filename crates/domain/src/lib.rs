//! The domain: what products and orders may do, as pure functions.
//!
//! Three functions carry everything. [`decide`] answers a command with events or a refusal,
//! [`order::evolve`] and [`product::evolve`] fold events into state, and [`react`] maps the events
//! of one step to the commands that other shards must hear. None of them has a clock, randomness
//! or I/O, and state changes through events alone, so state is always the fold of its events.

mod aggregates;
pub mod bounds;
mod decide;
pub mod order;
pub mod product;
mod react;
pub mod refusal;
pub mod rules;
mod unfit;

pub use aggregates::{Aggregates, Map, Sorted};
pub use decide::{Decision, decide};
pub use order::Order;
pub use product::Product;
pub use react::{FollowUp, Reaction, react};
pub use rules::Rules;
pub use unfit::{Misfit, Unfit};
