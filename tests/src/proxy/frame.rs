//! Frames of Kafka's protocol: four bytes of length, then a request or a response.

use std::{io, net::SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// Larger than any request here; a greater length means that the stream is not understood.
const BYTES_MAX: usize = 16 << 20;

/// Number of the Produce request.
pub(super) const PRODUCE: i16 = 0;
/// Requests whose responses name brokers: Metadata and FindCoordinator.
pub(super) const NAMING: [i16; 2] = [3, 10];

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

/// Replaces the broker's port wherever it stands behind its host, as in every list of brokers.
pub(super) fn rename(frame: &mut [u8], broker: SocketAddr, proxy: SocketAddr) {
    let address = |of: SocketAddr| {
        let port = u32::from(of.port()).to_be_bytes();
        [broker.ip().to_string().as_bytes(), &port].concat()
    };
    let (from, to) = (address(broker), address(proxy));
    let mut at = 0;
    while let Some(rest) = frame.get_mut(at..).filter(|rest| rest.len() >= from.len()) {
        if rest.starts_with(&from) {
            rest[..to.len()].copy_from_slice(&to);
        }
        at += 1;
    }
}

/// The stream is not what this proxy understands.
pub(super) fn strange() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a frame that the proxy understands")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_brokers_own_port_is_replaced() {
        let broker: SocketAddr = "127.0.0.1:29092".parse().unwrap();
        let proxy: SocketAddr = "127.0.0.1:40000".parse().unwrap();
        let frame = |port: u32| [&b"x\x0a127.0.0.1"[..], &port.to_be_bytes(), b"y"].concat();
        let (mut own, mut other) = (frame(29_092), frame(29_093));
        rename(&mut own, broker, proxy);
        rename(&mut other, broker, proxy);
        assert_eq!((own, other), (frame(40_000), frame(29_093)));
    }
}
