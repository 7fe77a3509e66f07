//! One kept connection over plain HTTP/1.1, and the buffers that go with it.

use anyhow::{Context as _, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Reply;

const HEAD_END: &[u8] = b"\r\n\r\n";

#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// The next request, whole.
    pub(super) request: Vec<u8>,
    reply: Vec<u8>,
}

impl Connection {
    /// # Errors
    /// Nobody listens there.
    pub(super) async fn open(address: &str) -> anyhow::Result<Self> {
        let connect = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok::<_, std::io::Error>(stream)
        };
        let stream = connect.await.with_context(|| format!("cannot connect to {address}"))?;
        Ok(Self { stream, request: Vec::with_capacity(1024), reply: Vec::with_capacity(4096) })
    }

    /// Sends the request and reads its answer to the end.
    ///
    /// # Errors
    /// The connection ends, or the answer is none that says its length.
    pub(super) async fn exchange(&mut self) -> anyhow::Result<Reply<'_>> {
        self.stream.write_all(&self.request).await?;
        self.reply.clear();
        let (head_end, length) = loop {
            self.read().await?;
            if let Some(end) = self.reply.windows(4).position(|bytes| bytes == HEAD_END) {
                break (end, length(&self.reply[..end])?);
            }
        };
        let begins = head_end + HEAD_END.len();
        while self.reply.len() < begins + length {
            self.read().await?;
        }
        let head = std::str::from_utf8(&self.reply[..head_end])?;
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.context("an answer without a status")?;
        Ok(Reply { status, head, body: &self.reply[begins..begins + length] })
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        ensure!(self.stream.read_buf(&mut self.reply).await? > 0, "the connection was closed");
        Ok(())
    }
}

/// The length of the body that the headers announce.
fn length(head: &[u8]) -> anyhow::Result<usize> {
    let length = std::str::from_utf8(head)?.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.context("an answer without its length")
}
