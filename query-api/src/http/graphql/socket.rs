//! GraphQL over WebSocket (`graphql-transport-ws`), within bounds.
//!
//! A client that does not read is found out twice: what is written to it does not leave, or it
//! answers no ping. What happens meanwhile waits in its streams' queues, which cut them when full.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_graphql::{
    Data, Executor, Request, Response as Executed,
    http::{ClientMessage, WebSocket as Protocol, WebSocketProtocols, WsMessage},
};
use axum::{
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    response::{IntoResponse, Response},
};
use events::Position;
use futures::{Sink, SinkExt, StreamExt, future, stream::BoxStream};
use service::problem::{Problem, kinds};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::task::TaskTracker;

use super::{
    Graphql, error,
    manners::{Manners, Offence},
    prepared,
    settle::Settling,
    with_position,
};
use crate::http::{Api, error::problem, freshness::Freshness, streams::TOO_MANY};

/// The one protocol that is spoken.
const PROTOCOL: &str = "graphql-transport-ws";
/// Largest message of a client.
const MESSAGE_BYTES_MAX: usize = 256 * 1_024;
/// Operations of one socket at the same time.
const OPERATIONS_MAX: usize = 50;
/// Time to open with `connection_init`.
const INIT: Duration = Duration::from_secs(10);
/// Time for the last words at a stop.
const GOODBYE: Duration = Duration::from_secs(1);

/// Sockets that are open.
const OPEN: &str = "query_graphql_sockets_open";
/// Sockets that have ended; label `why`.
const ENDED: &str = "query_graphql_sockets_ended_total";

/// Close codes of graphql-transport-ws, and of WebSocket itself.
const INIT_TIMEOUT: u16 = 4408;
const GOING_AWAY: u16 = 1001;

/// The sockets of this process; clones share them.
#[derive(Debug, Clone)]
pub(super) struct Sockets {
    permits: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Sockets {
    pub(super) fn new(sockets_max: usize) -> Self {
        let permits = Arc::new(Semaphore::new(sockets_max.min(Semaphore::MAX_PERMITS)));
        Self { permits, tasks: TaskTracker::new() }
    }

    /// Waits until all have said goodbye, which each does at the stop.
    pub(super) async fn ended(&self) {
        self.tasks.close();
        let _ = timeout(GOODBYE * 3, self.tasks.wait()).await;
    }
}

/// Answers the upgrade; the socket then lives as a task of its own.
pub(super) fn open(api: Api, freshness: &Freshness, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(MESSAGE_BYTES_MAX);
    if upgrade.selected_protocol().is_none() {
        return Problem::new(kinds::BAD_REQUEST)
            .detail(format!("Ask for the protocol {PROTOCOL} (Sec-WebSocket-Protocol)."))
            .into_response();
    }
    let sockets = api.graphql.sockets.clone();
    let Ok(permit) = sockets.permits.try_acquire_owned() else {
        return Problem::new(TOO_MANY).retry_after(GOODBYE).into_response();
    };
    let token = sockets.tasks.token();
    let operations = Arc::new(Semaphore::new(OPERATIONS_MAX));
    let door = Door { positions: freshness.positions().into(), operations, api };
    upgrade.on_upgrade(move |socket| async move {
        metrics::gauge!(OPEN).increment(1);
        let why = converse(socket, door).await;
        metrics::gauge!(OPEN).decrement(1);
        metrics::counter!(ENDED, "why" => why).increment(1);
        tracing::debug!(why, "A GraphQL socket has ended.");
        drop((permit, token));
    })
}

/// Speaks with one client until either side ends; says why.
async fn converse(socket: WebSocket, door: Door) -> &'static str {
    let (mut sink, incoming) = socket.split();
    let heard = Arc::new(Heard::default());
    let (noting, noted) = (heard.clone(), heard.clone());
    // Anything that comes in is a sign of life, also the answer to a ping.
    let messages = incoming
        .take_while(move |message| {
            noting.now();
            future::ready(message.is_ok())
        })
        .filter_map(async |message| match message {
            Ok(Message::Text(text)) => Some(ClientMessage::from_bytes(text.as_str())),
            Ok(Message::Binary(bytes)) => Some(ClientMessage::from_bytes(bytes)),
            _ => None,
        })
        .scan(Manners::default(), move |manners, message| {
            future::ready(noted.judged(manners, message).map(Ok))
        });
    let (stop, keep_alive) = (door.api.live.stop().clone(), door.api.live.keep_alive());
    let (operations, silence) = (door.operations.clone(), door.api.graphql.limits.silence_max);
    let messages = Box::pin(messages);
    let protocol = Protocol::from_message_stream(door, messages, WebSocketProtocols::GraphQLWS);
    let mut protocol = Box::pin(protocol);
    let mut pings = tokio::time::interval(keep_alive);
    loop {
        let message = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // What has come in is read before anybody is called silent.
            message = protocol.next() => match message {
                Some(message) => written(message),
                None => match heard.offence.get() {
                    Some(Offence { code, reason }) => {
                        close(&mut sink, *code, reason).await;
                        return "refused";
                    }
                    None => return "left",
                },
            },
            () = sleep_until(heard.began + INIT), if !heard.is_open.load(Ordering::Relaxed) => {
                let why = "Connection initialisation timeout";
                close(&mut sink, INIT_TIMEOUT, why).await;
                return "not opened";
            }
            _ = pings.tick() => {
                if heard.silence() > silence {
                    return "silent";
                }
                Message::Ping(axum::body::Bytes::new())
            }
        };
        let is_last = matches!(message, Message::Close(_));
        if !matches!(timeout(silence, sink.send(message)).await, Ok(Ok(()))) {
            return "stalled";
        }
        if is_last {
            return "refused";
        }
    }
    // Every stream says its last word, then the socket closes.
    let last_words = async {
        while operations.available_permits() < OPERATIONS_MAX
            && let Some(message) = protocol.next().await
            && sink.send(written(message)).await.is_ok()
        {}
    };
    let _ = timeout(GOODBYE, last_words).await;
    close(&mut sink, GOING_AWAY, "stopping").await;
    "stopping"
}

fn written(message: WsMessage) -> Message {
    match message {
        WsMessage::Text(text) => Message::Text(text.into()),
        WsMessage::Close(code, reason) => {
            Message::Close(Some(CloseFrame { code, reason: reason.into() }))
        }
    }
}

async fn close(sink: &mut (impl Sink<Message> + Unpin), code: u16, reason: &str) {
    let frame = CloseFrame { code, reason: reason.into() };
    let _ = timeout(GOODBYE, sink.send(Message::Close(Some(frame)))).await;
}

/// What was heard of the client.
#[derive(Debug)]
struct Heard {
    began: Instant,
    /// When it was heard last, since the socket began.
    last_ms: AtomicU64,
    is_open: AtomicBool,
    /// Why nothing more is read.
    offence: OnceLock<Offence>,
}

impl Default for Heard {
    fn default() -> Self {
        let (last_ms, is_open) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { began: Instant::now(), last_ms, is_open, offence: OnceLock::new() }
    }
}

impl Heard {
    fn now(&self) {
        let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(ms, Ordering::Relaxed);
    }

    /// The message, unless it ends the reading.
    fn judged(
        &self,
        manners: &mut Manners,
        message: serde_json::Result<ClientMessage>,
    ) -> Option<ClientMessage> {
        match manners.judge(message) {
            Ok(message) => {
                self.is_open.store(manners.is_open(), Ordering::Relaxed);
                Some(message)
            }
            Err(offence) => {
                let _ = self.offence.set(offence);
                None
            }
        }
    }

    fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        self.began.elapsed().saturating_sub(last)
    }
}

/// Carries out what one socket asks for.
#[derive(Debug, Clone)]
struct Door {
    api: Api,
    /// What the upgrade has brought; each operation waits for it anew, and may bring more.
    positions: Arc<[Position]>,
    operations: Arc<Semaphore>,
}

impl Door {
    fn stream(&self, request: Request) -> Result<BoxStream<'static, Executed>, Problem> {
        let operation = self.operations.clone().try_acquire_owned().map_err(|_| {
            let why = format!("A socket carries at most {OPERATIONS_MAX} operations at once.");
            Problem::new(TOO_MANY).detail(why)
        })?;
        let freshness = Freshness::of(self.positions.to_vec(), None, self.api.waits);
        let freshness = with_position(freshness, &request).map_err(problem)?;
        let Graphql { graph, limits, .. } = self.api.graphql.clone();
        let (request, _, settled) = prepared(self.api.clone(), freshness, request)?;
        let stream = graph.execute_stream_with_session_data(request, Arc::default());
        let coded = Settling::new(stream, settled).map(move |executed| {
            let _lasts = &operation;
            error::coded(executed, &limits)
        });
        Ok(coded.boxed())
    }
}

impl Executor for Door {
    async fn execute(&self, request: Request) -> Executed {
        let first = self.execute_stream(request, None).next().await;
        first.unwrap_or_else(|| error::only(Problem::new(kinds::INTERNAL)))
    }

    fn execute_stream(
        &self,
        request: Request,
        _session: Option<Arc<Data>>,
    ) -> BoxStream<'static, Executed> {
        match self.stream(request) {
            Ok(stream) => stream,
            Err(problem) => futures::stream::iter([error::only(problem)]).boxed(),
        }
    }
}
