//! Faults on the real stack under load, and the judgement of everything that clients were told.
//!
//! A [`Trial`] starts the system on three brokers, two of which must have every record. Buyers send
//! commands under idempotency keys, again and again until each is answered for good, while a deck of
//! faults is dealt by a seed: processes are killed, paused and restarted, brokers killed, paused and
//! given other partitions to lead and clocks that are an hour ahead, Produce requests harmed, command
//! topics switched to their writers' clocks, group offsets moved forwards, old commands archived, the
//! rules switched, the ends of event partitions lost and repaired. When all is whole again, the history of every request and answer is held
//! against the log, the log against the rules of a shop, and both against the read models; then
//! `spillway verify` recomputes the whole.
//!
//! The judgement knows the system only by its contract: it shares no code with `domain` or `shard`.

mod archive;
mod buyer;
mod client;
mod deck;
mod evidence;
mod fault;
mod history;
mod inject;
mod judge;
mod post;
mod reset;
mod rules;
mod storm;
mod tail;
mod time;
mod trial;
mod turnover;
mod wish;

pub use trial::{Summary, Trial};
pub use turnover::{Met, Turnover};
