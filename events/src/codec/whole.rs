//! A reader for datums that must not end early.

use std::io::{Error, ErrorKind, Read, Result};

/// The bytes of a datum. Reading past their end is an error of its own kind: the path of the Avro
/// library that resolves schemas takes `UnexpectedEof` inside an optional field for an absent value,
/// so that a datum that was cut off would read as another value.
pub(super) struct Whole<'a>(pub(super) &'a [u8]);

impl Read for Whole<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.0.is_empty() && !buffer.is_empty() {
            return Err(Error::new(ErrorKind::InvalidData, "the datum ends early"));
        }
        self.0.read(buffer)
    }
}
