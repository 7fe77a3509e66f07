//! One stream: first what was missed, then what comes.
//!
//! ```text
//! begun with a state, or with an id -> pages behind the cursor -> listening -> one more page -> live
//! ```
//! The last page is read once the hub has taken the session in, so everything is either in the page
//! or in the queue; what is in both is known by its place.

use std::{
    collections::VecDeque,
    sync::{Arc, OnceLock},
};

use serde::Serialize;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use super::{
    Live, Open, Refused,
    cursor::Cursor,
    hub::Subscribe,
    registry::{Change, End, Filter},
    sql::{self, Wanted},
};
use crate::measure::STREAMS_ENDED;
use crate::read::{
    Error,
    order::{Order, OrderOverview},
    product::Product,
};

/// What a stream begins with: the state at its first id.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub enum Snapshot {
    Order(Box<Order>),
    /// The newest orders of a customer, newest first, at most 200.
    Orders {
        items: Vec<OrderOverview>,
    },
    /// The products that were asked for and exist. Empty where all are streamed: they are read as
    /// pages, once the stream is open.
    Products {
        items: Vec<Product>,
    },
}

/// What a stream says.
#[derive(Debug)]
pub enum Message {
    Snapshot(Snapshot),
    Change(Arc<Change>),
    /// Nothing concerned the client for a while; the cursor may have moved all the same.
    Still,
    /// The last word.
    End(End),
}

#[derive(Debug)]
enum Phase {
    /// Reads pages; the receiver is there once the hub has taken the session in.
    Behind(Option<mpsc::Receiver<Arc<Change>>>),
    Live(mpsc::Receiver<Arc<Change>>),
    Ended,
}

/// An open stream. Dropping it closes it.
#[derive(Debug)]
pub struct Session {
    live: Live,
    filter: Filter,
    wanted: Wanted,
    cursor: Cursor,
    /// Up to where everything that is wanted has been read, and stands in `ready` or was told.
    reached: Cursor,
    ready: VecDeque<Message>,
    phase: Phase,
    end: Arc<OnceLock<End>>,
    /// Up to where the hub has read.
    read: Option<watch::Receiver<Cursor>>,
    still_at: Instant,
    _open: Open,
}

impl Session {
    pub(super) async fn begin(
        live: Live,
        filter: Filter,
        resume: Option<Cursor>,
        open: Open,
    ) -> Result<Self, Refused> {
        let (cursor, partition, ready) = match resume {
            Some(cursor) => resumed(&live, &filter, cursor).await?,
            None => begun(&live, &filter).await?,
        };
        let wanted = Wanted::of(&filter, partition);
        let still_at = Instant::now() + live.keep_alive();
        let (ready, phase) = (ready.into(), Phase::Behind(None));
        let (end, read) = (Arc::default(), None);
        let reached = Cursor::default();
        let mut session = Self {
            live,
            filter,
            wanted,
            cursor,
            reached,
            ready,
            phase,
            end,
            read,
            still_at,
            _open: open,
        };
        // The first page now, while the answer can still be another.
        if session.page().await? == Page::Gone {
            return Err(Refused::Gone);
        }
        Ok(session)
    }

    /// What the stream shows.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Where the stream is behind the last message.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// The next message; none behind the last word.
    pub async fn next(&mut self) -> Option<Message> {
        let message = self.find().await?;
        self.still_at = Instant::now() + self.live.keep_alive();
        Some(message)
    }

    async fn find(&mut self) -> Option<Message> {
        loop {
            if self.live.stop().is_cancelled() && !matches!(self.phase, Phase::Ended) {
                return Some(self.over(End::Stopping));
            }
            match self.ready.pop_front() {
                Some(Message::Change(change)) => {
                    if self.cursor.pass(change.partition, change.place) {
                        return Some(Message::Change(change));
                    }
                    continue;
                }
                Some(other) => return Some(other),
                // Nothing else up to there concerns this stream: it must not be looked for again.
                None => {
                    let reached = std::mem::take(&mut self.reached);
                    self.pass_all(&reached);
                }
            }
            match std::mem::replace(&mut self.phase, Phase::Ended) {
                Phase::Behind(queue) => {
                    if let Some(end) = self.read_behind(queue).await {
                        return Some(self.over(end));
                    }
                }
                Phase::Live(queue) => {
                    if let Some(message) = self.wait(queue).await {
                        return Some(message);
                    }
                }
                Phase::Ended => return None,
            }
        }
    }

    /// Reads a page, and listens before the last one.
    async fn read_behind(&mut self, queue: Option<mpsc::Receiver<Arc<Change>>>) -> Option<End> {
        let is_listening = queue.is_some();
        self.phase = Phase::Behind(queue);
        match self.page().await {
            Err(error) => {
                tracing::debug!(%error, "A stream was given up.");
                return Some(End::Unavailable);
            }
            Ok(Page::Gone) => return Some(End::Gone),
            Ok(Page::More) => return None,
            Ok(Page::Last) => {}
        }
        if is_listening {
            if let Phase::Behind(Some(queue)) = std::mem::replace(&mut self.phase, Phase::Ended) {
                self.phase = Phase::Live(queue);
            }
            return None;
        }
        match self.subscribe().await {
            Some(queue) => self.phase = Phase::Behind(Some(queue)),
            None => return Some(End::Unavailable),
        }
        None
    }

    async fn subscribe(&mut self) -> Option<mpsc::Receiver<Arc<Change>>> {
        let queue_max = usize::try_from(self.live.settings.queue_max).unwrap_or(usize::MAX);
        let (changes, queue) = mpsc::channel(queue_max);
        let (added, taken_in) = oneshot::channel();
        let (filter, end) = (self.filter.clone(), Arc::clone(&self.end));
        let subscribe = Subscribe { filter, changes, end, added };
        self.live.hub(self.filter.projection()).send(subscribe).await.ok()?;
        self.read = Some(taken_in.await.ok()?);
        Some(queue)
    }

    /// Puts the changes behind the cursor into line. Called when none is in it any more.
    async fn page(&mut self) -> Result<Page, Error> {
        let (projection, from) = (self.filter.projection(), &self.cursor);
        let behind = sql::behind(&self.live.database, projection, from, &self.wanted).await?;
        if behind.is_gone {
            return Ok(Page::Gone);
        }
        self.reached = behind.read;
        self.ready.extend(behind.changes.into_iter().map(Arc::new).map(Message::Change));
        Ok(if behind.is_more { Page::More } else { Page::Last })
    }

    /// Waits for a change. The queue is put back unless the stream has ended.
    async fn wait(&mut self, mut queue: mpsc::Receiver<Arc<Change>>) -> Option<Message> {
        let stop = self.live.stop().clone();
        tokio::select! {
            biased;
            () = stop.cancelled() => Some(self.over(End::Stopping)),
            change = queue.recv() => match change {
                Some(change) => {
                    self.phase = Phase::Live(queue);
                    let is_new = self.cursor.pass(change.partition, change.place);
                    is_new.then_some(Message::Change(change))
                }
                None => {
                    let why = self.end.get().copied().unwrap_or(End::Unavailable);
                    Some(self.over(why))
                }
            },
            () = sleep_until(self.still_at) => {
                let message = self.still(&mut queue);
                self.phase = Phase::Live(queue);
                Some(message)
            }
        }
    }

    /// Moves a quiet stream's cursor along, so that its id does not grow old. Gives what has come in
    /// meanwhile instead.
    fn still(&mut self, queue: &mut mpsc::Receiver<Arc<Change>>) -> Message {
        // Whatever the hub had read by then, and concerns this stream, was put into the queue before.
        let read = self.read.as_ref().map(|read| read.borrow().clone()).unwrap_or_default();
        if let Ok(change) = queue.try_recv()
            && self.cursor.pass(change.partition, change.place)
        {
            return Message::Change(change);
        }
        if queue.is_empty() {
            self.pass_all(&read);
        }
        Message::Still
    }

    /// Moves the cursor along, as far as the stream's partitions are concerned.
    fn pass_all(&mut self, read: &Cursor) {
        for (partition, place) in read.iter() {
            if self.wanted.partition.is_none_or(|only| only == partition) {
                self.cursor.pass(partition, place);
            }
        }
    }

    fn over(&mut self, end: End) -> Message {
        self.phase = Phase::Ended;
        self.ready.clear();
        metrics::counter!(STREAMS_ENDED, "why" => format!("{end:?}").to_lowercase()).increment(1);
        Message::End(end)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Page {
    /// More lies behind it.
    More,
    Last,
    /// What lies behind the cursor is not kept any more.
    Gone,
}

type Begun = (Cursor, Option<i32>, Vec<Message>);

async fn begun(live: &Live, filter: &Filter) -> Result<Begun, Refused> {
    let database = &live.database;
    let (snapshot, cursor, partition) = match filter {
        Filter::Order(order_id) => {
            let found = sql::order(database, order_id).await?;
            let (order, partition, cursor) = found.ok_or(Refused::UnknownOrder)?;
            (Snapshot::Order(Box::new(order)), cursor, Some(partition))
        }
        Filter::Customer(customer_id) => {
            let (items, cursor) = sql::orders(database, customer_id).await?;
            (Snapshot::Orders { items }, cursor, None)
        }
        Filter::Products(skus) => {
            let skus: Vec<String> = skus.iter().flatten().cloned().collect();
            let (items, cursor) = sql::products(database, &skus).await?;
            (Snapshot::Products { items }, cursor, None)
        }
    };
    Ok((cursor, partition, vec![Message::Snapshot(snapshot)]))
}

async fn resumed(live: &Live, filter: &Filter, cursor: Cursor) -> Result<Begun, Refused> {
    let Filter::Order(order_id) = filter else {
        return Ok((cursor, None, Vec::new()));
    };
    let partition = sql::partition(&live.database, order_id).await?;
    let partition = partition.ok_or(Refused::UnknownOrder)?;
    if cursor.has(partition) {
        Ok((cursor.only(partition), Some(partition), Vec::new()))
    } else {
        Err(Refused::Foreign)
    }
}
