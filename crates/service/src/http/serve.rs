//! The accept loop: bounded connections, a deadline for request heads, and an orderly stop.
//!
//! `axum::serve` sets no deadline for heads (axum#2741): a client that connects and stays silent
//! would hold its connection for ever. HTTP/1.1 only: hyper-util's protocol detection waits for
//! the first bytes before that deadline begins.
//!
//! Nor is there a deadline for writing: a client that asks and then reads nothing would hold its
//! connection and its stream for ever. Here each write that the client's side does not take in time
//! ends the connection, also one that a WebSocket has taken over.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::Limits;
use super::observe::{OpenConnection, connections_max};

/// Largest head of a request; hyper answers 431 to more.
const HEAD_BYTES_MAX: usize = 64 * 1_024;
/// Connections that were cut because their clients took nothing.
pub(super) const STALLED: &str = "http_server_stalled_connections_total";
/// Pause after the process ran out of file descriptors or memory for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves `router` until `stop` and for [`Limits::unready`] longer; then no connection is accepted,
/// idle ones are closed, requests in flight finish, and what is left after [`Limits::drain`] is cut.
///
/// Handlers find the client's address as [`ConnectInfo<SocketAddr>`]. A handler is dropped when
/// its client goes away. A stream that never ends must listen to the stop itself, or it is cut.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(limits.connections_max));
    connections_max(limits.connections_max);
    let protocol = protocol(limits);
    let router = router.with_state(());
    let mut connections = JoinSet::new();
    let closing = CancellationToken::new();
    let mut noticed = pin!(async {
        stop.cancelled().await;
        tokio::time::sleep(limits.unready).await;
    });
    loop {
        tokio::select! {
            () = &mut noticed => break,
            Some(ended) = connections.join_next() => report(ended),
            (stream, peer, permit) = accept(&listener, &permits) => {
                let stream = patient(stream, limits.write_timeout);
                let connection =
                    converse(stream, peer, router.clone(), protocol.clone(), closing.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
        }
    }
    closing.cancel();
    drop(listener);
    drain(connections, limits.drain).await;
}

fn protocol(limits: &Limits) -> http1::Builder {
    let mut protocol = http1::Builder::new();
    protocol
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(HEAD_BYTES_MAX);
    protocol
}

/// The next connection, once there is room for it. Dropping the future loses none.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so there is always a permit in the end.
    let permit = Arc::clone(permits).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer, permit),
            Err(error) if is_about_one_client(&error) => {}
            Err(error) => {
                tracing::error!(%error, "Cannot accept connections; trying again.");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The client went away between its arrival and our accept; the next one is not concerned.
fn is_about_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers the requests of one connection until it closes.
async fn converse(
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    peer: SocketAddr,
    router: Router,
    protocol: http1::Builder,
    stop: CancellationToken,
) {
    let _open = OpenConnection::count();
    // Answers are written whole, so waiting for more to send only adds delay.
    if let Err(error) = stream.get_ref().set_nodelay(true) {
        tracing::debug!(%error, %peer, "TCP_NODELAY was not set.");
    }
    let service = service_fn(move |mut request: http::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().call(request)
    });
    let mut connection =
        pin!(protocol.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        if is_stall(&error) {
            metrics::counter!(STALLED).increment(1);
        }
        tracing::debug!(%error, %peer, "A connection ended early.");
    }
}

/// A connection whose writes fail when nothing of them leaves in time.
fn patient(stream: TcpStream, patience: Duration) -> Pin<Box<TimeoutStream<TcpStream>>> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(patience));
    Box::pin(stream)
}

/// Whether a write was not taken in time; hyper has words of its own for late heads.
fn is_stall(error: &hyper::Error) -> bool {
    let is_late = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.source().and_then(|source| source.downcast_ref()).is_some_and(is_late)
}

/// Waits for the connections to end, at most for `patience`, and cuts the rest.
async fn drain(mut connections: JoinSet<()>, patience: Duration) {
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if tokio::time::timeout(patience, all_ended).await.is_err() {
        let connections_cut = connections.len();
        tracing::warn!(connections_cut, "Requests were cut: they took longer than the drain.");
        connections.shutdown().await;
    }
}

/// Panics of handlers are caught below; one that arrives here is a fault of the server itself.
fn report(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "A connection's task failed.");
    }
}
