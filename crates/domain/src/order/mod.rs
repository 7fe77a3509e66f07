//! Orders: from placed to one final status, holding stock only while they may still be shipped.
//!
//! ```text
//!   PlaceOrder             lines held            PayOrder        ShipOrder
//! -------------> Placed -----------------> Reserved --------> Paid ----------> Shipped
//!                   |                          |                |
//!                   |-- a line refused         |-- deadline     |
//!                   |   --> Rejected           |   --> Expired  |
//!                   |                          |                |
//!                   `--------------------------`----------------`--> Cancelled (CancelOrder)
//! ```
//!
//! A product shard answers for all lines of the order that live in it. Under rules version 1 it holds
//! all of them or none, and one refused line rejects the order; under version 2 it holds what is in
//! stock, and the order goes on with the lines that are held, if there are any. Placed ends with the last answer, so a rejection names every refused line. An order that
//! is cancelled while Placed is final, but settled only once the answers on their way have come.

mod answer;
mod command;
mod decide;
mod evolve;
mod expire;
mod lines;
mod partial;
pub(crate) mod react;
mod state;
mod verdict;

pub(crate) use command::{check, decide};
pub use evolve::evolve;
pub use expire::expire;
pub use state::{Line, LineState, Order, Status};
pub use verdict::placement_verdict;
