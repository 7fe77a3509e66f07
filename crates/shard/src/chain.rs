//! The running hash over a shard's inputs and outputs: two opinions about one offset become visible.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{output::Output, record::Record};

/// 128 bits of BLAKE3 over everything that entered and left the shard so far.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain([u8; 16]);

impl Chain {
    /// The chain after one step. `outputs` do not carry their `chain` header yet.
    pub(crate) fn after(self, record: &Record<'_>, outputs: &[Output]) -> Chain {
        let mut hash = Fields(blake3::Hasher::new());
        hash.field(&self.0);
        hash.number(record.offset);
        hash.number(record.timestamp.ms());
        hash.optional(record.key);
        hash.optional(record.value);
        hash.count(record.headers.0.len());
        for (name, value) in record.headers.0 {
            hash.field(name.as_bytes());
            hash.field(value);
        }
        hash.count(outputs.len());
        for output in outputs {
            hash.field(output.topic.name().as_bytes());
            hash.number(i64::from(output.partition));
            hash.optional(output.key.as_deref().map(str::as_bytes));
            hash.field(&output.value);
            hash.count(output.headers.len());
            for (name, value) in &output.headers {
                hash.field(name.as_bytes());
                hash.field(value.as_bytes());
            }
        }
        Chain(first_16(hash.0.finalize().as_bytes()))
    }
}

/// The 128-bit hash by which a retired order's id is remembered.
pub(crate) fn hash_of(id: &str) -> u128 {
    u128::from_be_bytes(first_16(blake3::hash(id.as_bytes()).as_bytes()))
}

/// The 64-bit fingerprint of a command's bytes: route and body.
pub(crate) fn fingerprint_of(value: &[u8]) -> u64 {
    first_8(blake3::hash(value).as_bytes())
}

/// The first eight bytes of H(text): the span id of an output.
pub(crate) fn span_of(text: &str) -> u64 {
    first_8(blake3::hash(text.as_bytes()).as_bytes())
}

fn first_16(hash: &[u8; 32]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes
}

fn first_8(hash: &[u8; 32]) -> u64 {
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(bytes)
}

/// Hashes fields with their lengths, so that no two inputs run together.
struct Fields(blake3::Hasher);

impl Fields {
    fn field(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => {
                self.0.update(&[1]);
                self.field(bytes);
            }
            None => {
                self.0.update(&[0]);
            }
        }
    }

    fn number(&mut self, number: i64) {
        self.0.update(&number.to_be_bytes());
    }

    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_be_bytes());
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chain({self})")
    }
}

impl std::str::FromStr for Chain {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u128::from_str_radix(text, 16).map(|bits| Chain(bits.to_be_bytes()))
    }
}
