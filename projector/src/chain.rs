//! The source shard's running hash, which makes two opinions about one offset visible.

use std::{fmt, str::FromStr};

/// 128 bits, written as 32 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain(u128);

impl Chain {
    pub fn new(bits: u128) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The text is no chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a chain: expected 32 hex digits")]
pub struct Unreadable;

impl FromStr for Chain {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let is_hex = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        if !is_hex {
            return Err(Unreadable);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| Unreadable)
    }
}
