//! Connections to the processes behind, on which an answer is heard though the request no longer
//! arrives.
//!
//! A process may refuse a request before it has read the body: it answers and closes. What is sent
//! from then on fails, and the HTTP client would end with that failure and leave the answer unread. So
//! a connection that takes nothing more sends into the void: what is read decides, an answer or the
//! end without one.

use std::{
    io::{self, ErrorKind},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::Body;
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection, HttpConnector},
    },
    rt::{TokioExecutor, TokioIo},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tower::util::MapResponse;

/// Makes the connections.
pub(super) type Connector = MapResponse<HttpConnector, fn(TokioIo<TcpStream>) -> TokioIo<Hearing>>;

/// All processes are on this machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The client of one side.
pub(super) fn client() -> Client<Connector, Body> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let hearing = |stream: TokioIo<TcpStream>| TokioIo::new(Hearing::on(stream.into_inner()));
    Client::builder(TokioExecutor::new()).build(MapResponse::new(connector, hearing))
}

/// One connection.
#[derive(Debug)]
pub(super) struct Hearing {
    stream: TcpStream,
    /// The other side takes nothing more.
    is_cut: bool,
}

impl Hearing {
    fn on(stream: TcpStream) -> Self {
        Self { stream, is_cut: false }
    }
}

impl AsyncRead for Hearing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Hearing {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_cut {
            return Poll::Ready(Ok(bytes.len()));
        }
        match ready!(Pin::new(&mut self.stream).poll_write(context, bytes)) {
            Err(error)
                if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) =>
            {
                self.is_cut = true;
                Poll::Ready(Ok(bytes.len()))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connection for Hearing {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
