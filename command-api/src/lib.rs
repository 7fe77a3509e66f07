//! The command API: two roles of one binary around the command log.
//!
//! - [`edge`]: HTTP in, commands into the log, replies out;
//! - [`processor`]: the log into events, outcomes, replies and follow-ups.

pub mod app;
pub mod config;
pub mod edge;
mod foundation;
pub mod processor;
mod rules_in_force;
