//! The refusal of a Produce request, in its flexible versions 9 to 12.
//!
//! <https://kafka.apache.org/protocol#The_Messages_Produce>

use std::io;

use super::frame::{Head, strange};

const VERSIONS: std::ops::RangeInclusive<i16> = 9..=12;
/// NOT_LEADER_OR_FOLLOWER: a client asks for the leader and sends the request again.
const ERROR: i16 = 6;

/// The response that refuses every partition of a request.
pub(super) fn refusal(request: &[u8]) -> io::Result<Vec<u8>> {
    let head = Head::of(request)?;
    if !VERSIONS.contains(&head.api_version) {
        return Err(strange());
    }
    let mut request = Cursor(request.get(8..).ok_or_else(strange)?);
    request.skip_client_id()?;
    request.skip_tags()?;
    // Transactional id, acks and timeout.
    request.skip_bytes_field()?;
    request.take(2 + 4)?;

    let mut response = head.correlation.to_be_bytes().to_vec();
    response.push(0);
    let topics = request.varint()?;
    write_varint(&mut response, topics);
    for _ in 1..topics {
        let name = request.bytes_field()?;
        write_varint(&mut response, name.len() + 1);
        response.extend_from_slice(name);
        let partitions = request.varint()?;
        write_varint(&mut response, partitions);
        for _ in 1..partitions {
            response.extend_from_slice(request.take(4)?);
            request.skip_bytes_field()?;
            request.skip_tags()?;
            response.extend_from_slice(&ERROR.to_be_bytes());
            // No base offset, no append time, no start of the log.
            response.extend_from_slice(&[0xff; 3 * 8]);
            // No errors of single records, no message, no tags.
            response.extend_from_slice(&[1, 0, 0]);
        }
        request.skip_tags()?;
        response.push(0);
    }
    // Not throttled, no tags.
    response.extend_from_slice(&[0; 4 + 1]);
    Ok(response)
}

/// What is left of a request.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or_else(strange)?;
        self.0 = rest;
        Ok(taken)
    }

    /// An unsigned number of seven bits a byte, the lowest first.
    fn varint(&mut self) -> io::Result<usize> {
        let mut number = 0;
        for shift in (0..5).map(|byte| 7 * byte) {
            let byte = self.take(1)?[0];
            number |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(strange())
    }

    /// Bytes or text behind its length plus one; nothing behind 0.
    fn bytes_field(&mut self) -> io::Result<&'a [u8]> {
        let length = self.varint()?.saturating_sub(1);
        self.take(length)
    }

    fn skip_bytes_field(&mut self) -> io::Result<()> {
        self.bytes_field().map(drop)
    }

    /// The client's name still has the old form: two bytes of length, -1 for none.
    fn skip_client_id(&mut self) -> io::Result<()> {
        let length = self.take(2)?;
        let length = i16::from_be_bytes([length[0], length[1]]);
        self.take(usize::try_from(length).unwrap_or(0)).map(drop)
    }

    fn skip_tags(&mut self) -> io::Result<()> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.take(length)?;
        }
        Ok(())
    }
}

fn write_varint(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            return bytes.push(low);
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_answers_for_every_partition_under_the_requests_correlation() {
        let mut request = vec![0, 0, 0, 10, 0, 0, 0, 7];
        request.extend_from_slice(b"\x00\x01c\x00\x00\xff\xff\x00\x00\x27\x10");
        // One topic with two partitions, whose records are two bytes and none.
        request.extend_from_slice(b"\x02\x02t\x03");
        request.extend_from_slice(b"\x00\x00\x00\x04\x03rr\x00");
        request.extend_from_slice(b"\x00\x00\x00\x05\x01\x00\x00\x00");
        let partition = |number: u8| {
            let rest = [&[0xff; 24][..], &[1, 0, 0]].concat();
            [&[0, 0, 0, number, 0, 6][..], &rest].concat()
        };
        let expected = [
            &b"\x00\x00\x00\x07\x00\x02\x02t\x03"[..],
            &partition(4),
            &partition(5),
            &[0, 0, 0, 0, 0, 0],
        ];
        assert_eq!(refusal(&request).unwrap(), expected.concat());
    }

    #[test]
    fn a_request_that_is_cut_short_or_of_another_version_is_refused_an_answer() {
        assert!(refusal(&[0, 0, 0, 10, 0, 0, 0, 7, 0]).is_err());
        assert!(refusal(&[0, 0, 0, 3, 0, 0, 0, 7, 0, 0, 0, 0]).is_err());
    }
}
