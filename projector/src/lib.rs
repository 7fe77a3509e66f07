//! Event topics to PostgreSQL: read models that are exactly what the events say.
//!
//! ```text
//! group member -> intake (marks, whole steps) -> decode -> fold -> one transaction per batch
//!     runner         link, envelope              decode    fold     store: rows, letters, checkpoint
//! ```
//!
//! - A record is applied exactly once: the checkpoint moves in the transaction that writes the
//!   rows, and is compared before ([`store`]).
//! - The log may repeat records, and a reader accepts only the next one ([`link`]).
//! - What cannot be applied is put aside with everything behind it that has the same key, and stops
//!   nothing else ([`mod@fold`]). Infrastructure that fails is waited for, without end ([`runner`]).
//!
//! Adding a read model takes a migration and a file in [`projection`].

pub mod app;
pub mod chain;
pub mod change;
pub mod config;
pub mod decode;
pub mod envelope;
pub mod fact;
pub mod fold;
pub mod intake;
pub mod kit;
pub mod letters;
mod letters_gauge;
pub mod link;
pub mod measure;
pub mod migrate;
pub mod operate;
pub mod projection;
pub mod rebuild;
pub mod runner;
pub mod store;
pub mod sweep;
#[cfg(test)]
mod testing;
