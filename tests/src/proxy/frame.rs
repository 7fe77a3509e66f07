//! Frames of Kafka's protocol: four bytes of length, then a request or a response.

use std::{io, net::SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Larger than any request here; a greater length means that the stream is not understood.
const BYTES_MAX: usize = 16 << 20;

/// Number of the Produce request.
pub(super) const PRODUCE: i16 = 0;
/// Where a response of some request may name brokers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    Nowhere,
    /// Metadata and FindCoordinator.
    Anywhere,
    /// Produce and Fetch: the new leaders stand behind everything else. Records are left alone.
    AtTheEnd,
}

/// More than the tagged fields at the end of a response take for a few brokers.
const END_BYTES: usize = 512;

impl Names {
    /// By the number of the request.
    pub(super) fn in_response_to(api_key: i16) -> Self {
        match api_key {
            3 | 10 => Names::Anywhere,
            0 | 1 => Names::AtTheEnd,
            _ => Names::Nowhere,
        }
    }
}

/// A broker and the address that stands for it.
pub(super) type Route = (SocketAddr, SocketAddr);

/// What a request begins with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) api_key: i16,
    pub(super) api_version: i16,
    pub(super) correlation: i32,
}

impl Head {
    /// Reads it from a request's frame.
    pub(super) fn of(frame: &[u8]) -> io::Result<Self> {
        let [k0, k1, v0, v1, c0, c1, c2, c3, ..] = *frame else { return Err(strange()) };
        Ok(Self {
            api_key: i16::from_be_bytes([k0, k1]),
            api_version: i16::from_be_bytes([v0, v1]),
            correlation: i32::from_be_bytes([c0, c1, c2, c3]),
        })
    }
}

/// The next frame, without its length.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Vec<u8>> {
    let length = usize::try_from(stream.read_i32().await?).map_err(|_| strange())?;
    if length > BYTES_MAX {
        return Err(strange());
    }
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame).await?;
    Ok(frame)
}

/// Writes a frame with its length.
pub(super) async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> io::Result<()> {
    let length = i32::try_from(frame.len()).map_err(|_| strange())?;
    stream.write_i32(length).await?;
    stream.write_all(frame).await?;
    stream.flush().await
}

/// Replaces the brokers' ports by their proxies' wherever they stand behind a broker's host.
pub(super) fn rename(frame: &mut [u8], names: Names, routes: &[Route]) {
    let begin = match names {
        Names::Nowhere => return,
        Names::Anywhere => 0,
        Names::AtTheEnd => frame.len().saturating_sub(END_BYTES),
    };
    let address = |of: SocketAddr| {
        let port = u32::from(of.port()).to_be_bytes();
        [of.ip().to_string().as_bytes(), &port].concat()
    };
    let routes: Vec<_> = routes.iter().map(|(from, to)| (address(*from), address(*to))).collect();
    let mut at = begin;
    while at < frame.len() {
        let rest = &mut frame[at..];
        // One replacement only: a proxy's address may be another broker's old one.
        match routes.iter().find(|(from, _)| rest.starts_with(from)) {
            Some((_, to)) => {
                rest[..to.len()].copy_from_slice(to);
                at += to.len();
            }
            None => at += 1,
        }
    }
}

/// The stream is not what this proxy understands.
pub(super) fn strange() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a frame that the proxy understands")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKERS: [&str; 2] = ["127.0.0.1:29092", "127.0.0.1:29094"];
    const PROXIES: [&str; 2] = ["127.0.0.1:40000", "127.0.0.1:40001"];

    fn routes() -> Vec<Route> {
        BROKERS.iter().zip(PROXIES).map(|(b, p)| (b.parse().unwrap(), p.parse().unwrap())).collect()
    }

    fn frame(port: u32) -> Vec<u8> {
        [&b"x\x0a127.0.0.1"[..], &port.to_be_bytes(), b"y"].concat()
    }

    #[test]
    fn every_brokers_port_becomes_its_proxys_and_no_other() {
        let mut all = [frame(29_092), frame(29_094), frame(29_093)].concat();
        rename(&mut all, Names::Anywhere, &routes());
        assert_eq!(all, [frame(40_000), frame(40_001), frame(29_093)].concat());
    }

    #[test]
    fn records_in_front_of_the_end_are_left_alone() {
        let mut all = [frame(29_092), vec![0; END_BYTES], frame(29_092)].concat();
        rename(&mut all, Names::AtTheEnd, &routes());
        assert_eq!(all, [frame(29_092), vec![0; END_BYTES], frame(40_000)].concat());
        rename(&mut all, Names::Nowhere, &routes());
        assert!(all.ends_with(&frame(40_000)));
    }
}
