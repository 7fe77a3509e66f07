//! The compiled program, run as a user runs it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bench;
mod deployment;
mod dev;
#[cfg(feature = "old-release-test")]
mod old_release;
mod refusals;
mod rules;
mod snapshots;
mod support;
