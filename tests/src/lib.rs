//! The harness of the end-to-end tests: the whole system as real processes on the real stack.
//!
//! A test starts a [`System`], talks to it over HTTP with a [`Client`] and to its log with a
//! [`Log`], breaks what it wants to break, waits with [`until`] or [`System::settle`] for a level
//! and never for a time, has `spillway verify` judge the whole, and ends with [`System::stop`],
//! which fails when anything is left behind. What goes wrong in the harness itself is an error of
//! the test; what the system does wrong is a panic where the test looks at it.
//!
//! The programs are those beside the test executable: `cargo build --workspace --bins` makes them.

mod answer;
mod balancer;
mod binaries;
mod client;
mod collector;
mod disk;
mod family;
pub mod faults;
mod gateway;
mod leaders;
mod log;
mod logs_tail;
mod program;
mod projected;
pub mod proxy;
mod retail;
mod shop;
mod system;
mod tool;
mod until;

pub use answer::Answer;
pub use balancer::{Balancer, PROBE_INTERVAL};
pub use client::Client;
pub use collector::{Collector, Kind as SpanKind, Span};
pub use gateway::Gateway;
pub use log::{Log, RawRecord};
pub use program::Program;
pub use retail::Retail;
pub use shop::{CURRENCY, order_body};
pub use system::{Snapshots, System, SystemOptions};
pub use tool::{Tool, Verdict};
pub use until::{WITHIN, until};
