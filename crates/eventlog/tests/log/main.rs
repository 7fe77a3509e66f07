//! Producer, member and reader on a real broker.

#[path = "../support/mod.rs"]
mod support;

mod member;
mod producer;
mod reader;
