//! One connection through the proxy: requests in, responses out in the same order.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    Harm, Shared,
    frame::{self, Head, Names, PRODUCE},
    produce,
};

/// How long a refusal waits for a request behind it.
const BEHIND_WITHIN: Duration = Duration::from_millis(300);
const DELAY: Duration = Duration::from_millis(200);
/// Requests whose response is awaited; clients have fewer in flight.
const AWAITED_MAX: usize = 1_024;

/// What the client gets next.
#[derive(Debug)]
enum Next {
    /// The broker's next response.
    Response { names: Names },
    /// Nothing for the broker's next response.
    Swallow,
    /// This, without the broker's word.
    Refusal(Vec<u8>),
    /// The end of the connection instead of the broker's next response.
    Cut,
}

/// Both sides of one connection.
pub(super) struct Connection {
    from_client: OwnedReadHalf,
    to_client: OwnedWriteHalf,
    from_broker: OwnedReadHalf,
    to_broker: OwnedWriteHalf,
    shared: Arc<Shared>,
}

impl Connection {
    pub(super) fn new(client: TcpStream, broker: TcpStream, shared: Arc<Shared>) -> Self {
        let (from_client, to_client) = client.into_split();
        let (from_broker, to_broker) = broker.into_split();
        Self { from_client, to_client, from_broker, to_broker, shared }
    }

    /// Carries frames until either side ends or a cut is due.
    pub(super) async fn run(self) -> io::Result<()> {
        let Self { mut from_client, mut to_client, mut from_broker, mut to_broker, shared } = self;
        // Frames are read on a task of their own, so that a wait for the next one may be given up.
        let (read, mut requests) = mpsc::channel(1);
        let (await_next, mut awaited) = mpsc::channel(AWAITED_MAX);
        let reading = async {
            loop {
                let request = frame::read(&mut from_client).await?;
                if read.send(request).await.is_err() {
                    return Ok(());
                }
            }
        };
        let forwarding = forward(&mut requests, &mut to_broker, &await_next, &shared);
        let answering = async {
            while let Some(next) = awaited.recv().await {
                match next {
                    Next::Response { names } => {
                        let mut response = frame::read(&mut from_broker).await?;
                        frame::rename(&mut response, names, &shared.routes);
                        frame::write(&mut to_client, &response).await?;
                    }
                    Next::Swallow => drop(frame::read(&mut from_broker).await?),
                    Next::Refusal(refusal) => frame::write(&mut to_client, &refusal).await?,
                    Next::Cut => return frame::read(&mut from_broker).await.map(drop),
                }
            }
            Ok(())
        };
        tokio::select! {
            ended = reading => ended,
            ended = forwarding => ended,
            ended = answering => ended,
        }
    }
}

async fn forward(
    requests: &mut mpsc::Receiver<Vec<u8>>,
    to_broker: &mut OwnedWriteHalf,
    await_next: &mpsc::Sender<Next>,
    shared: &Shared,
) -> io::Result<()> {
    let mut behind = None;
    loop {
        let request = match behind.take() {
            Some(request) => request,
            None => match requests.recv().await {
                Some(request) => request,
                None => return Ok(()),
            },
        };
        let head = Head::of(&request)?;
        let response = Next::Response { names: Names::in_response_to(head.api_key) };
        let harm = if head.api_key == PRODUCE { shared.next_harm() } else { Harm::Forward };
        let nexts = match harm {
            Harm::Refuse => {
                behind = timeout(BEHIND_WITHIN, requests.recv()).await.ok().flatten();
                vec![Next::Refusal(produce::refusal(&request)?)]
            }
            Harm::Double => vec![response, Next::Swallow],
            Harm::Cut => vec![Next::Cut],
            Harm::Delay => {
                sleep(DELAY).await;
                vec![response]
            }
            Harm::Forward => vec![response],
        };
        for next in nexts {
            if !matches!(next, Next::Refusal(_)) {
                frame::write(to_broker, &request).await?;
            }
            if await_next.send(next).await.is_err() {
                return Ok(());
            }
        }
    }
}
