//! The parts of a stack: for each its data, its configuration and its process.

pub(crate) mod clock;
pub(crate) mod kafka;
pub(crate) mod postgres;
pub(crate) mod redis;
pub(crate) mod registry;
