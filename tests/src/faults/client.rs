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
    history::{Ask, Heard, History, Seen, Told, Way},
    post::Post,
    wish::Wish,
};
use crate::Client;

/// Longer than any fault keeps the system from answering.
const INSIST_FOR: Duration = Duration::from_secs(300);
/// Between two copies of a command.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// One client with its history. It sends one command, or one stream of commands, at a time.
#[derive(Debug)]
pub(crate) struct Insistent {
    name: String,
    post: Post,
    /// Whether it uses bulk intake too.
    sends_lines: bool,
    history: History,
}

impl Insistent {
    /// `instances` has one for each command-api.
    pub(crate) fn new(name: String, instances: Arc<[Client]>, began: Instant) -> Self {
        let post = Post::new(instances, began);
        Self { name, post, sends_lines: true, history: History::default() }
    }

    /// The same, but every command goes to its own route. A stream of bulk intake on an instance that
    /// stops is ended, and whoever sends it begins another one: a request to a route never meets that.
    pub(crate) fn by_routes(self) -> Self {
        Self { sends_lines: false, ..self }
    }

    /// The same, with other patience: how long it waits before it sends a command again.
    pub(crate) fn waiting(self, patience: Duration) -> Self {
        Self { post: self.post.waiting(patience), ..self }
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
        self.ask_if(rng, wish, None).await
    }

    /// The same, if its aggregate is at a version.
    ///
    /// # Errors
    /// As [`Insistent::ask`].
    pub(crate) async fn ask_if(
        &mut self,
        rng: &mut StdRng,
        wish: Wish,
        if_match: Option<i64>,
    ) -> anyhow::Result<Told> {
        let index = self.begin(wish, if_match);
        self.insist(rng, index).await
    }

    /// Sends new commands as one stream of bulk intake, and what is left of them again, until all are
    /// answered for good.
    ///
    /// # Errors
    /// As [`Insistent::ask`].
    pub(crate) async fn ask_all(
        &mut self,
        rng: &mut StdRng,
        wishes: Vec<Wish>,
    ) -> anyhow::Result<()> {
        let mut open: Vec<usize> = wishes.into_iter().map(|wish| self.begin(wish, None)).collect();
        if !self.sends_lines {
            for index in open {
                self.insist(rng, index).await?;
            }
            return Ok(());
        }
        let mut again = Again::new();
        while !open.is_empty() {
            let instance = rng.random_range(0..self.post.instances());
            let asks: Vec<&Ask> = open.iter().map(|index| &self.history.asks[*index]).collect();
            let attempts = self.post.send_lines(&asks, instance).await;
            for (index, attempt) in open.iter().zip(attempts) {
                self.history.asks[*index].attempts.push(attempt);
            }
            open.retain(|index| self.history.asks[*index].finals().next().is_none());
            if let Some(index) = open.first() {
                again.pause(&self.history.asks[*index]).await?;
            }
        }
        Ok(())
    }

    /// Sends an earlier command again, as a client that forgot the answer would.
    ///
    /// # Errors
    /// As [`Insistent::ask`].
    pub(crate) async fn repeat(&mut self, rng: &mut StdRng) -> anyhow::Result<()> {
        let index = rng.random_range(0..self.history.asks.len());
        self.insist(rng, index).await.map(drop)
    }

    fn begin(&mut self, wish: Wish, if_match: Option<i64>) -> usize {
        let key = format!("{} {}", self.name, self.history.asks.len());
        self.history.asks.push(Ask::new(wish, key, if_match));
        self.history.asks.len() - 1
    }

    async fn insist(&mut self, rng: &mut StdRng, index: usize) -> anyhow::Result<Told> {
        let mut again = Again::new();
        loop {
            let first = rng.random_range(0..self.post.instances());
            let mut copies = vec![(first, self.way(rng))];
            // An impatient client sends a second copy elsewhere before the first is answered.
            if rng.random_ratio(1, 8) {
                copies.push(((first + 1) % self.post.instances(), self.way(rng)));
            }
            let ask = &self.history.asks[index];
            let sent = copies.into_iter().map(|(instance, way)| self.post.send(ask, instance, way));
            let attempts = join_all(sent).await;
            if attempts.iter().any(|attempt| attempt.way == Way::Async)
                && let Some(outcome) = self.post.look_up(ask).await
            {
                self.history.looked_up.push((ask.command_id, outcome));
            }
            let ask = &mut self.history.asks[index];
            let before = ask.attempts.len();
            ask.attempts.extend(attempts);
            for attempt in &ask.attempts[before..] {
                match &attempt.heard {
                    Heard::Told(told) if told.is_final() => return Ok(told.clone()),
                    _ => {}
                }
            }
            again.pause(ask).await?;
        }
    }

    /// How the next copy goes: most to the command's own route.
    fn way(&self, rng: &mut StdRng) -> Way {
        match rng.random_range(0..8) {
            0 => Way::Async,
            1 if self.sends_lines => Way::Bulk,
            _ => Way::Route,
        }
    }

    /// Reads an order with the position of an answer about it; notes what is shown. A query-api may
    /// say that the projection is not there yet, so nothing is expected to come.
    pub(crate) async fn look(&mut self, order: &str, told: &Told) {
        let (Some(position), Some(version_told)) = (&told.position, told.version) else { return };
        let path = format!("/v1/orders/{order}");
        let Some(answer) = self.post.query(&path, Some(position)).await else { return };
        if let (200, Some(version_shown)) = (answer.status, answer.body["version"].as_i64()) {
            self.history.seen.push(Seen { order: order.to_owned(), version_told, version_shown });
        }
    }
}

/// The pauses between the copies of a command, up to the end of all patience.
struct Again {
    deadline: Instant,
    pause: Duration,
}

impl Again {
    fn new() -> Self {
        Self { deadline: Instant::now() + INSIST_FOR, pause: BACKOFF.0 }
    }

    async fn pause(&mut self, ask: &Ask) -> anyhow::Result<()> {
        ensure!(Instant::now() < self.deadline, "never answered for good: {ask}");
        sleep(self.pause).await;
        self.pause = (2 * self.pause).min(BACKOFF.1);
        Ok(())
    }
}
