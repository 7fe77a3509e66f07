//! Load over HTTP: closed loops, whose clients wait for their answers, and open ones, whose requests
//! come at a fixed rate.
//!
//! Plain HTTP/1.1 over kept connections and one thread: the less the load itself takes, the more of a
//! small machine is left for the system.

mod closed;
mod connection;
mod open;

use std::{fmt, num::NonZeroU32, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use serde::Serialize;

use self::connection::Connection;
use super::answers::Answers;

/// How requests come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Load {
    Closed { clients: NonZeroU32 },
    Open { per_second: NonZeroU32 },
}

/// What is asked for, and how it is answered.
pub(super) trait Wish: fmt::Debug + Send + Sync {
    /// Appends one whole request to the buffer; every one differs where it must.
    fn request(&self, host: &str, into: &mut Vec<u8>);

    fn judge(&self, reply: &Reply<'_>) -> Verdict;
}

/// One answer over HTTP.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    pub(super) status: u16,
    /// Status line and headers.
    pub(super) head: &'a str,
    pub(super) body: &'a [u8],
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// What was wished for.
    Answer,
    /// The same, from memory.
    Hit,
    /// Probably sold out.
    Hint,
    /// One too many: to be asked again later.
    Busy,
    /// Taken, but not decided yet.
    Late,
    /// None that may come.
    Wrong,
}

/// Longest wait for one answer; a system that takes longer has none.
const ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// A load on one address, for so long.
#[derive(Debug, Clone)]
pub(super) struct Stretch {
    /// `host:port`.
    pub(super) address: String,
    pub(super) wish: Arc<dyn Wish>,
    pub(super) load: Load,
    /// Of an open loop.
    pub(super) connections: NonZeroU32,
    pub(super) lasts: Duration,
}

impl Load {
    pub(super) const ONE: Self = Self::Closed { clients: NonZeroU32::MIN };

    /// How many requests are under way at once, at least, if each takes a millisecond.
    pub(super) fn width(self) -> u32 {
        match self {
            Self::Closed { clients } => clients.get(),
            Self::Open { per_second } => per_second.get() / 1000,
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { clients } if clients.get() == 1 => f.write_str("1 client"),
            Self::Closed { clients } => write!(f, "{clients} clients"),
            Self::Open { per_second } => write!(f, "{per_second}/s"),
        }
    }
}

impl Stretch {
    /// Loads, on a thread of its own, until every request is answered.
    ///
    /// # Errors
    /// A connection fails, or an answer is none of those that may come.
    pub(super) async fn run(self) -> anyhow::Result<Answers> {
        let on_thread = move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            runtime.enable_all().build()?.block_on(async {
                match self.load {
                    Load::Closed { clients } => closed::run(&self, clients).await,
                    Load::Open { per_second } => open::run(&self, per_second).await,
                }
            })
        };
        tokio::task::spawn_blocking(on_thread).await.context("the load failed")?
    }
}

/// One request and its answer. What was wished for is left to the caller to record.
async fn ask(
    stretch: &Stretch,
    connection: &mut Connection,
    answers: &mut Answers,
) -> anyhow::Result<Verdict> {
    let Stretch { address, wish, .. } = stretch;
    connection.request.clear();
    wish.request(address, &mut connection.request);
    let asked = tokio::time::timeout(ANSWER_WITHIN, connection.exchange()).await;
    let reply = asked.with_context(|| format!("{address} did not answer"))??;
    let verdict = wish.judge(&reply);
    match verdict {
        Verdict::Answer => {}
        Verdict::Hit => answers.hits += 1,
        Verdict::Hint => answers.hints += 1,
        Verdict::Busy => answers.busy += 1,
        Verdict::Late => answers.late += 1,
        Verdict::Wrong => {
            let body = String::from_utf8_lossy(reply.body);
            bail!("an answer that may not come from {address}: {}\n{body}", reply.head)
        }
    }
    Ok(verdict)
}

impl Verdict {
    /// Whether its time counts.
    fn is_answer(self) -> bool {
        matches!(self, Self::Answer | Self::Hit | Self::Hint)
    }
}
