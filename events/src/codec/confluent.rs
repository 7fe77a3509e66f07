//! Confluent wire format: byte 0, the schema id (4 bytes, big endian), the datum.

use super::Error;

/// How many bytes stand before the datum.
pub const PREFIX_BYTES: usize = 5;

/// A value in the Confluent wire format, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confluent<'a> {
    /// The registry's id of the writer's schema.
    pub schema_id: u32,
    /// The Avro datum.
    pub datum: &'a [u8],
}

impl<'a> Confluent<'a> {
    pub fn open(value: &'a [u8]) -> Result<Self, Error> {
        let rest = value.strip_prefix(&[0]).ok_or(Error::NotConfluent)?;
        let (id, datum) = rest.split_first_chunk::<4>().ok_or(Error::NotConfluent)?;
        Ok(Self { schema_id: u32::from_be_bytes(*id), datum })
    }

    pub fn frame(schema_id: u32, datum: &[u8]) -> Vec<u8> {
        let mut value = Vec::with_capacity(PREFIX_BYTES + datum.len());
        value.push(0);
        value.extend_from_slice(&schema_id.to_be_bytes());
        value.extend_from_slice(datum);
        value
    }
}
