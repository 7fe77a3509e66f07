//! One instance of the edge: the shared protocol code around a producer and a reader of replies.

use std::collections::BTreeMap;

use events::{
    Command, Millis, Origin, ShardId, Topic,
    codec::Record as _,
    header::{self, ReturnAddress},
    outcome::Outcome,
    partitioner::shard_of,
    reply::{Answer, Reply},
};
use shard::edge::{self as protocol, Correlations, Stamp};
use uuid::Uuid;

use crate::{
    broker::{Broker, Stored},
    faults::parameters,
    producer::{Producer, Report},
};

/// How long a request waits for its reply.
pub(crate) const PATIENCE_MS: Millis = 1_200;
/// The producer's message timeout.
const APPEND_MS_MAX: Millis = 1_500;

/// A command as a caller sends it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// The caller's name for it.
    pub(crate) call: usize,
    pub(crate) command: Command,
    pub(crate) command_id: Uuid,
    pub(crate) version: Option<i64>,
}

/// What the caller of a command hears, and when it had asked.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) call: usize,
    pub(crate) asked: Millis,
    pub(crate) heard: Heard,
}

#[derive(Debug)]
pub(crate) enum Heard {
    Decided(Box<Outcome>),
    /// The window or the key was wrong: nothing is said about the command.
    Refused,
    Unknown,
}

/// An edge, for one life.
#[derive(Debug)]
pub(crate) struct Edge {
    correlations: Correlations,
    last_ticket: u64,
    waiting: BTreeMap<u64, Waiting>,
    pub(crate) producer: Producer,
    /// The partition of the replies topic, and how far it is read.
    replies: i32,
    position: usize,
    seen: BTreeMap<ShardId, Millis>,
    pub(crate) clock_ahead: Millis,
    told: Vec<Told>,
}

#[derive(Debug)]
struct Waiting {
    request: Request,
    issued_at: Millis,
    stamp: Stamp,
    began: Millis,
    is_acknowledged: bool,
    is_told: bool,
}

impl Edge {
    pub(crate) fn new(
        nonce: u64,
        producer: Producer,
        replies: i32,
        broker: &Broker,
        clock_ahead: Millis,
    ) -> Self {
        Self {
            correlations: Correlations::new(nonce),
            last_ticket: 0,
            waiting: BTreeMap::new(),
            producer,
            replies,
            position: broker.log((Topic::Replies, replies)).visible().len(),
            seen: BTreeMap::new(),
            clock_ahead,
            told: Vec::new(),
        }
    }

    /// Takes a request of a caller.
    pub(crate) fn submit(&mut self, request: Request, now: Millis) {
        let seen = home(&request.command).and_then(|shard| self.seen.get(&shard).copied());
        let issued_at = protocol::issued_at(now + self.clock_ahead, seen.unwrap_or(0));
        self.append(Waiting {
            request,
            issued_at,
            stamp: Stamp::default(),
            began: now,
            is_acknowledged: false,
            is_told: false,
        });
    }

    fn append(&mut self, waiting: Waiting) {
        let request = &waiting.request;
        let (Some(shard), Some(key)) = (home(&request.command), request.command.key()) else {
            return;
        };
        self.last_ticket += 1;
        let ticket = self.last_ticket;
        let correlation = self.correlations.of(ticket);
        let headers = protocol::headers(&protocol::Copy {
            command_id: request.command_id,
            caller: "anonymous",
            issued_at: waiting.issued_at,
            reply_to: ReturnAddress { partition: self.replies, correlation },
            version: request.version,
            traceparent: None,
        });
        let record = Stored {
            timestamp: 0,
            key: Some(key.as_bytes().to_vec()),
            value: request.command.to_single_object(),
            headers: headers.into_iter().map(|(n, v)| (n.to_owned(), v.into_bytes())).collect(),
        };
        let partition = (Topic::Commands(shard.kind), shard.partition);
        if self.producer.send(partition, ticket, record) {
            self.waiting.insert(ticket, waiting);
        } else {
            // The buffer is full: the caller hears 503 and may come again.
            self.tell(&waiting, Heard::Unknown);
        }
    }

    /// Takes all reports; true when the producer must be replaced.
    pub(crate) fn take_reports(&mut self) -> bool {
        while let Some(report) = self.producer.report() {
            match report {
                Report::Delivered { tag, .. } => {
                    if let Some(waiting) = self.waiting.get_mut(&tag) {
                        waiting.is_acknowledged = true;
                    }
                }
                Report::Failed { tag } => self.give_up(tag),
                Report::Suspect | Report::Fatal => return true,
            }
        }
        false
    }

    /// Reads the next replies.
    pub(crate) fn read(&mut self, broker: &Broker, now: Millis) {
        let log = broker.log((Topic::Replies, self.replies)).visible();
        while let Some(stored) = log.get(self.position) {
            self.position += 1;
            let Ok(reply) = Reply::from_single_object(&stored.value) else { continue };
            if let Some(origin) = stored.text(header::ORIGIN).and_then(|o| o.parse::<Origin>().ok())
            {
                let seen = self.seen.entry(origin.shard).or_insert(0);
                *seen = reply.now.max(*seen);
            }
            self.deliver(&reply, now);
        }
    }

    fn deliver(&mut self, reply: &Reply, now: Millis) {
        let Some(ticket) = self.correlations.ticket(reply) else { return };
        let Some(waiting) = self.waiting.get(&ticket) else { return };
        if !protocol::answers(reply, waiting.request.command_id) {
            return;
        }
        let Some(mut waiting) = self.waiting.remove(&ticket) else { return };
        if let Some(issued_at) = waiting.stamp.after(reply)
            && now - waiting.began <= 2 * PATIENCE_MS
        {
            self.append(Waiting { issued_at, is_acknowledged: false, ..waiting });
            return;
        }
        let heard = match (&reply.outcome, reply.answer) {
            (Some(outcome), Answer::Decided) => Heard::Decided(Box::new(outcome.clone())),
            _ => Heard::Refused,
        };
        self.tell(&waiting, heard);
    }

    fn tell(&mut self, waiting: &Waiting, heard: Heard) {
        if !waiting.is_told {
            let (call, asked) = (waiting.request.call, waiting.began);
            self.told.push(Told { call, asked, heard });
        }
    }

    /// Tells those who waited long enough; true when an append has had no word for too long.
    pub(crate) fn lose_patience(&mut self, now: Millis) -> bool {
        for waiting in self.waiting.values_mut() {
            if now - waiting.began > PATIENCE_MS && !waiting.is_told {
                waiting.is_told = true;
                let (call, asked) = (waiting.request.call, waiting.began);
                self.told.push(Told { call, asked, heard: Heard::Unknown });
            }
        }
        self.waiting.retain(|_, w| now - w.began <= 4 * PATIENCE_MS);
        self.waiting.values().any(|w| !w.is_acknowledged && now - w.began > APPEND_MS_MAX)
    }

    /// Nothing outstanding will be acknowledged.
    pub(crate) fn replace_producer(&mut self, producer: Producer) {
        self.producer = producer;
        let lost: Vec<u64> =
            self.waiting.iter().filter(|(_, w)| !w.is_acknowledged).map(|(t, _)| *t).collect();
        for ticket in lost {
            self.give_up(ticket);
        }
    }

    fn give_up(&mut self, ticket: u64) {
        if let Some(waiting) = self.waiting.remove(&ticket) {
            self.tell(&waiting, Heard::Unknown);
        }
    }

    /// What callers hear now.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// The connections of everybody who waits are cut, when this life ends.
    pub(crate) fn end(&mut self) -> Vec<Told> {
        for waiting in std::mem::take(&mut self.waiting).into_values() {
            self.tell(&waiting, Heard::Unknown);
        }
        self.told()
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.producer.is_idle() && self.waiting.is_empty()
    }
}

/// The shard that owns a command's aggregate.
pub(crate) fn home(command: &Command) -> Option<ShardId> {
    let kind = command.kind()?;
    Some(shard_of(kind, command.key()?, parameters(1).shards(kind)))
}
