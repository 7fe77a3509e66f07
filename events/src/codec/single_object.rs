//! Avro single-object encoding: `C3 01`, the fingerprint (8 bytes, little endian), the datum.
//!
//! <https://avro.apache.org/docs/1.12.0/specification/#single-object-encoding>

use super::Error;

const MARKER: [u8; 2] = [0xC3, 0x01];
const HEAD_BYTES: usize = 10;

pub(crate) fn frame(fingerprint: u64, datum: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD_BYTES + datum.len());
    bytes.extend_from_slice(&MARKER);
    bytes.extend_from_slice(&fingerprint.to_le_bytes());
    bytes.extend_from_slice(datum);
    bytes
}

pub(crate) fn open(bytes: &[u8]) -> Result<(u64, &[u8]), Error> {
    let rest = bytes.strip_prefix(&MARKER).ok_or(Error::NotSingleObject)?;
    let (fingerprint, datum) = rest.split_first_chunk::<8>().ok_or(Error::NotSingleObject)?;
    Ok((u64::from_le_bytes(*fingerprint), datum))
}
