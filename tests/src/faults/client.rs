//! A client that sends a command under its key until it is answered for good.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::ensure;
use futures::future::join_all;
use rand::{Rng as _, rngs::StdRng};
use tokio::time::sleep;

use super::{
    history::{Ask, Attempt, Heard, History, Seen, Told},
    wish::Wish,
};
use crate::{Answer, Client};

/// Above every wait that a command-api has of its own, so that its word is heard.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);
/// Longer than any fault keeps the system from answering.
const INSIST_FOR: Duration = Duration::from_secs(300);
/// Between two copies of a command.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// One client with its history. It sends one command at a time.
#[derive(Debug)]
pub(crate) struct Insistent {
    name: String,
    /// One for each command-api.
    instances: Arc<[Client]>,
    /// How long it waits for an answer before it sends its command again.
    patience: Duration,
    began: Instant,
    history: History,
}

impl Insistent {
    pub(crate) fn new(name: String, instances: Arc<[Client]>, began: Instant) -> Self {
        Self { name, instances, patience: ANSWER_WITHIN, began, history: History::default() }
    }

    /// The same, with other patience.
    pub(crate) fn waiting(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn into_history(self) -> History {
        self.history
    }

    /// Sends a new command until it is answered for good.
    ///
    /// # Errors
    /// It never is; its whole story is in the text.
    pub(crate) async fn ask(&mut self, rng: &mut StdRng, wish: Wish) -> anyhow::Result<Told> {
        let key = format!("{} {}", self.name, self.history.asks.len());
        self.history.asks.push(Ask::new(wish, key));
        self.insist(rng, self.history.asks.len() - 1).await
    }

    /// Sends an earlier command again, as a client that forgot the answer would.
    ///
    /// # Errors
    /// As [`Insistent::ask`].
    pub(crate) async fn repeat(&mut self, rng: &mut StdRng) -> anyhow::Result<()> {
        let index = rng.random_range(0..self.history.asks.len());
        self.insist(rng, index).await.map(drop)
    }

    async fn insist(&mut self, rng: &mut StdRng, index: usize) -> anyhow::Result<Told> {
        let deadline = Instant::now() + INSIST_FOR;
        let mut pause = BACKOFF.0;
        loop {
            let first = rng.random_range(0..self.instances.len());
            let mut instances = vec![first];
            // An impatient client sends a second copy elsewhere before the first is answered.
            if rng.random_ratio(1, 8) {
                instances.push((first + 1) % self.instances.len());
            }
            let sent = instances.into_iter().map(|instance| self.send(index, instance));
            let attempts = join_all(sent).await;
            let ask = &mut self.history.asks[index];
            let before = ask.attempts.len();
            ask.attempts.extend(attempts);
            for attempt in &ask.attempts[before..] {
                match &attempt.heard {
                    Heard::Told(told) if told.is_final() => return Ok(told.clone()),
                    _ => {}
                }
            }
            ensure!(Instant::now() < deadline, "never answered for good: {ask}");
            sleep(pause).await;
            pause = (2 * pause).min(BACKOFF.1);
        }
    }

    async fn send(&self, index: usize, instance: usize) -> Attempt {
        let ask = &self.history.asks[index];
        let post = self.instances[instance].post(&ask.wish.path()).timeout(self.patience);
        let began = self.began.elapsed();
        let request = post.header("idempotency-key", &ask.key).json(&ask.wish.body());
        let heard = match Answer::to(request).await {
            Ok(answer) => Heard::Told(Told::of(&answer)),
            Err(error) => Heard::Nothing(format!("{error:#}")),
        };
        Attempt { instance, span: (began, self.began.elapsed()), heard }
    }

    /// Reads an order with the position of an answer about it; notes what is shown. A query-api may
    /// say that the projection is not there yet, so nothing is expected to come.
    pub(crate) async fn look(&mut self, order: &str, told: &Told) {
        let (Some(position), Some(version_told)) = (&told.position, told.version) else { return };
        let query = self.instances[0].query(reqwest::Method::GET, &format!("/v1/orders/{order}"));
        let query = query.timeout(self.patience).header("spillway-position", position);
        let Ok(answer) = Answer::to(query).await else { return };
        if let (200, Some(version_shown)) = (answer.status, answer.body["version"].as_i64()) {
            self.history.seen.push(Seen { order: order.to_owned(), version_told, version_shown });
        }
    }
}
