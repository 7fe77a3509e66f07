//! What the tests of the projector share.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its own part of this")]

pub mod database;
pub mod history;
pub mod shard;
pub mod source;
pub mod world;
