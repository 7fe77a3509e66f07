//! Who waits for which reply: correlation numbers and the bounded table of commands in flight.
//!
//! A correlation is 128 bits: a random nonce of this instance above a counter. It is never used
//! twice, not even for a second copy of one command. Two instances may read one partition of the
//! replies topic, so a reply with another nonce is somebody else's. An entry leaves the table with
//! its reply, or when the one who waits gives up or goes away.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use events::{Millis, ShardId, reply::Reply};
use shard::edge::{Correlations, answers};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::metrics;
use super::shards::Shards;

/// The append of a command failed or stayed without a word; the command may be in the log or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

/// The log holds a command: the broker's time at which it took it, where it tells one.
pub type Appended = Option<Millis>;

/// The table of commands in flight.
#[derive(Debug)]
pub struct Waiting {
    correlations: Correlations,
    in_flight_max: usize,
    table: Mutex<Table>,
    shards: Arc<Shards>,
}

#[derive(Debug, Default)]
struct Table {
    last_ticket: u64,
    entries: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    command_id: Uuid,
    shard: ShardId,
    since: Instant,
    acknowledged: Option<oneshot::Sender<Result<Appended, Unknown>>>,
    replied: oneshot::Sender<Box<Reply>>,
    /// Part of the shard's load: somebody waits for it as long as people do.
    is_load: bool,
}

/// One place in the table; dropping it gives the place back.
#[derive(Debug)]
pub struct Place {
    waiting: Arc<Waiting>,
    /// The lower half of the correlation; names the command in the log's reports.
    pub ticket: u64,
    /// Resolves when the log has answered for the append, or the reply has come without that.
    pub acknowledged: oneshot::Receiver<Result<Appended, Unknown>>,
    /// That word, once it was taken from it.
    pub appended: Option<Appended>,
    /// Resolves with the reply, boxed because it passes through many hands.
    pub replied: oneshot::Receiver<Box<Reply>>,
}

/// What became of a reply that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Delivered,
    /// It belongs to another instance, or to an earlier life of this one.
    Foreign,
    /// Nobody waits for it any longer.
    Late,
    /// It answers another command than the one that waits; it is not believed.
    Mismatched,
}

impl Waiting {
    /// `nonce` must be random for each instance. The shards are told who waits for them.
    pub fn new(nonce: u64, in_flight_max: usize, shards: Arc<Shards>) -> Self {
        let correlations = Correlations::new(nonce);
        Self { correlations, in_flight_max, table: Mutex::default(), shards }
    }

    /// Takes a place for one copy of a command; `None` when all are taken.
    pub fn enter(self: &Arc<Self>, command_id: Uuid, shard: ShardId) -> Option<Place> {
        let (acknowledged, acknowledged_receiver) = oneshot::channel();
        let (replied, replied_receiver) = oneshot::channel();
        let acknowledged = Some(acknowledged);
        let since = Instant::now();
        let entry = Entry { command_id, shard, since, acknowledged, replied, is_load: true };
        let mut table = self.table();
        if table.entries.len() >= self.in_flight_max {
            return None;
        }
        table.last_ticket += 1;
        let ticket = table.last_ticket;
        table.entries.insert(ticket, entry);
        drop(table);
        self.shards.entered(shard, since);
        metrics::in_flight().increment(1);
        Some(Place {
            waiting: Arc::clone(self),
            ticket,
            acknowledged: acknowledged_receiver,
            appended: None,
            replied: replied_receiver,
        })
    }

    /// The correlation of a ticket, for the command's return address.
    pub fn correlation(&self, ticket: u64) -> u128 {
        self.correlations.of(ticket)
    }

    /// The log has answered for the append of this ticket. Gives the shard it was for, while
    /// somebody waits.
    pub fn acknowledge(&self, ticket: u64, word: Result<Appended, Unknown>) -> Option<ShardId> {
        let mut table = self.table();
        let entry = table.entries.get_mut(&ticket)?;
        let (sender, since, shard) = (entry.acknowledged.take(), entry.since, entry.shard);
        drop(table);
        if let Some(sender) = sender {
            if word.is_ok() {
                metrics::acknowledged(since.elapsed());
            }
            // The receiver may have gone away with its request.
            let _ = sender.send(word);
        }
        Some(shard)
    }

    /// Hands a reply to the one who waits for it.
    pub fn deliver(&self, reply: Reply) -> Delivery {
        let Some(ticket) = self.correlations.ticket(&reply) else {
            return Delivery::Foreign;
        };
        let mut table = self.table();
        let Some(entry) = table.entries.get(&ticket) else {
            return Delivery::Late;
        };
        if !answers(&reply, entry.command_id) {
            return Delivery::Mismatched;
        }
        let entry = table.entries.remove(&ticket);
        drop(table);
        if let Some(entry) = entry {
            let (after, at) = (entry.since.elapsed(), Instant::now());
            if entry.is_load {
                self.shards.answered(entry.shard, after, at);
            }
            metrics::in_flight().decrement(1);
            metrics::replied(after);
            // Either receiver may have gone away with its request. A reply proves the append; it is
            // sent first, so that whoever wakes up by the second word finds it.
            let _ = entry.replied.send(Box::new(reply));
            if let Some(acknowledged) = entry.acknowledged {
                let _ = acknowledged.send(Ok(None));
            }
        }
        Delivery::Delivered
    }

    /// The reply to this ticket is still taken, but tells nothing about the shard's pace any more: it
    /// may be hours away, as where another shard is halted, or lost.
    fn set_aside(&self, ticket: u64) {
        let mut table = self.table();
        let Some(entry) = table.entries.get_mut(&ticket) else { return };
        let (was_load, shard) = (std::mem::take(&mut entry.is_load), entry.shard);
        drop(table);
        if was_load {
            self.shards.abandoned(shard);
        }
    }

    /// Commands in flight.
    pub fn in_flight(&self) -> usize {
        self.table().entries.len()
    }

    /// The log's producer has ended: nothing outstanding will ever be acknowledged.
    pub fn acknowledge_none(&self) {
        for entry in self.table().entries.values_mut() {
            if let Some(sender) = entry.acknowledged.take() {
                let _ = sender.send(Err(Unknown));
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // No code that can panic runs under this lock, so the table is whole in any case.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Goes on waiting without counting as the shard's load.
    pub fn set_aside(&self) {
        self.waiting.set_aside(self.ticket);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let entry = self.waiting.table().entries.remove(&self.ticket);
        if let Some(entry) = entry {
            if entry.is_load {
                self.waiting.shards.abandoned(entry.shard);
            }
            metrics::in_flight().decrement(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use events::{Kind, reply::Answer};

    use super::{super::admission::Bounds, *};

    const SHARD: ShardId = ShardId { kind: Kind::Orders, partition: 0 };

    fn waiting(in_flight_max: usize) -> Arc<Waiting> {
        let bounds = Bounds { wait_max: Duration::from_secs(2), dedup_entries_max: 10 };
        Arc::new(Waiting::new(7, in_flight_max, Arc::new(Shards::new(|_| 1, bounds))))
    }

    fn reply(correlation: u128, command_id: Uuid) -> Reply {
        Reply {
            correlation: format!("{correlation:032x}"),
            command_id: command_id.to_string(),
            answer: Answer::Stale,
            replayed: false,
            outcome: None,
            now: 0,
            decided_offset: 0,
            dedup_entries: 0,
            live_aggregates: 0,
        }
    }

    #[test]
    fn a_reply_reaches_its_place_once_and_proves_the_append() {
        let shards = Arc::clone(&waiting(8).shards);
        let waiting = Arc::new(Waiting::new(u64::MAX, 8, shards));
        let id = Uuid::from_u128(1);
        let mut place = waiting.enter(id, SHARD).expect("a place");
        let correlation = waiting.correlation(place.ticket);
        assert_eq!(waiting.deliver(reply(correlation, id)), Delivery::Delivered);
        assert_eq!(place.acknowledged.try_recv(), Ok(Ok(None)));
        assert_eq!(place.replied.try_recv().map(|r| r.command_id), Ok(id.to_string()));
        assert_eq!(waiting.deliver(reply(correlation, id)), Delivery::Late);
        assert_eq!(waiting.in_flight(), 0);
    }

    #[test]
    fn replies_that_are_not_ours_are_ignored() {
        let waiting = waiting(8);
        let id = Uuid::from_u128(1);
        let place = waiting.enter(id, SHARD).expect("a place");
        let correlation = waiting.correlation(place.ticket);
        let foreign = correlation ^ (1 << 64);
        assert_eq!(waiting.deliver(reply(foreign, id)), Delivery::Foreign);
        assert_eq!(waiting.deliver(reply(correlation + 1, id)), Delivery::Late);
        let other = Uuid::from_u128(2);
        assert_eq!(waiting.deliver(reply(correlation, other)), Delivery::Mismatched);
        assert_eq!(waiting.in_flight(), 1, "the one who waits still does");
    }

    #[test]
    fn places_are_bounded_and_come_back_when_the_one_who_waits_goes_away() {
        let waiting = waiting(1);
        let id = Uuid::from_u128(1);
        let first = waiting.enter(id, SHARD).expect("a place");
        assert!(waiting.enter(id, SHARD).is_none());
        let ticket = first.ticket;
        drop(first);
        let second = waiting.enter(id, SHARD).expect("a place");
        assert_ne!(second.ticket, ticket, "a correlation is never used twice");
    }

    #[test]
    fn a_place_that_is_set_aside_is_answered_and_is_no_load() {
        let waiting = waiting(8);
        let id = Uuid::from_u128(1);
        let mut place = waiting.enter(id, SHARD).expect("a place");
        let later = Instant::now() + Duration::from_secs(60);
        assert!(waiting.shards.estimated_wait(SHARD, later) > Duration::from_secs(30));
        place.set_aside();
        assert_eq!(waiting.shards.estimated_wait(SHARD, later), Duration::ZERO);
        let reply = reply(waiting.correlation(place.ticket), id);
        assert_eq!(waiting.deliver(reply), Delivery::Delivered);
        assert!(place.replied.try_recv().is_ok());
        drop(place);
        assert_eq!(waiting.shards.estimated_wait(SHARD, later), Duration::ZERO);
    }

    #[test]
    fn an_append_without_a_word_is_unknown() {
        let waiting = waiting(8);
        let mut failed = waiting.enter(Uuid::from_u128(1), SHARD).expect("a place");
        let mut ended = waiting.enter(Uuid::from_u128(2), SHARD).expect("a place");
        waiting.acknowledge(failed.ticket, Err(Unknown));
        waiting.acknowledge_none();
        assert_eq!(failed.acknowledged.try_recv(), Ok(Err(Unknown)));
        assert_eq!(ended.acknowledged.try_recv(), Ok(Err(Unknown)));
    }
}
