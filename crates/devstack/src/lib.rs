//! Starts, waits for and stops the real local infrastructure, with no container engine and no root.
//!
//! [`Stack::start`] brings up Apache Kafka, a Confluent-compatible schema registry on the stack's
//! own PostgreSQL, that PostgreSQL, and Redis, from artifacts pinned by SHA-256. Guarantees:
//!
//! - Everything listens on the loopback only, on a fixed table of ports or on random ones, and
//!   several stacks run side by side.
//! - What the parts store is kept together in one folder or thrown away together.
//! - Every wait has a deadline, and a part that dies while it starts is named in the error together
//!   with the last lines of its log.
//! - No process outlives its owner, however the owner dies: see [`process`].
//!
//! [`Process`] is the same supervision for any other program, so that a tool or a test starts the
//! system's own binaries the way the stack starts its parts.

mod addresses;
pub mod artifacts;
mod cache;
mod classes;
mod error;
mod home;
pub mod http;
mod java;
mod nginx;
mod options;
mod parts;
mod ports;
pub mod process;
mod progress;
mod run_as;
mod stack;
mod tools;

pub use error::Error;
pub use nginx::Nginx;
pub use options::{Load, Options, Parts, Ports};
pub use ports::PortLease;
pub use process::{Process, Ready, Spec, StopSignal};
pub use progress::{Event, Progress, State, Step};
pub use stack::Stack;
