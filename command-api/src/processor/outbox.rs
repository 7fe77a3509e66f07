//! The way out: one producer, every output in order, every report taken (PROTOCOL 2, 3).

use std::collections::{HashMap, VecDeque};

use eventlog::{
    Connection, Outgoing, Producer, Report, Reports, SchemaIds, SendError, StartError,
    producer::Options,
};
use events::{Command, ShardId, Topic, codec::Confluent, command::Tick};
use shard::Output;

/// Which ownership of which shard an output belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct From {
    pub(super) shard: ShardId,
    pub(super) ownership: u64,
    /// Offset of the command whose step wrote it.
    pub(super) offset: i64,
}

/// An output on its way.
#[derive(Debug)]
struct Parcel {
    /// `None` for a Tick, which no frontier waits for.
    from: Option<From>,
    output: Output,
}

/// Why the producer must be given up, or one shard halted.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The producer's word can no longer be trusted: restore everything.
    Doubt(String),
    /// One shard wrote what can never be sent: it halts, the others go on.
    Unsendable { from: From, reason: String },
}

/// Outputs wait here while the producer's queue is full, and are tracked until reported.
pub(super) struct Outbox {
    producer: Producer,
    reports: Reports,
    schema_ids: SchemaIds,
    waiting: VecDeque<Parcel>,
    sent: HashMap<usize, From>,
    next_tag: usize,
}

impl Outbox {
    pub(super) fn open(
        connection: &Connection,
        client_id: &str,
        schema_ids: SchemaIds,
    ) -> Result<Self, StartError> {
        let (producer, reports) = Producer::start(connection, &Options::outputs(client_id))?;
        Ok(Self {
            producer,
            reports,
            schema_ids,
            waiting: VecDeque::new(),
            sent: HashMap::new(),
            next_tag: 0,
        })
    }

    /// Takes a step's outputs, in order.
    pub(super) fn push(&mut self, from: From, outputs: Vec<Output>) {
        let parcels = outputs.into_iter().map(|output| Parcel { from: Some(from), output });
        self.waiting.extend(parcels);
    }

    /// Takes a Tick for a shard's own log.
    pub(super) fn push_tick(&mut self, shard: ShardId) {
        let output = Output {
            topic: Topic::Commands(shard.kind),
            partition: shard.partition,
            key: None,
            value: Command::from(Tick {}).to_single_object(),
            event: None,
            headers: Vec::new(),
        };
        self.waiting.push_back(Parcel { from: None, output });
    }

    /// True while the producer takes no more: nothing may be stepped.
    pub(super) fn is_congested(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Outputs that are waiting or not reported.
    pub(super) fn outstanding(&self) -> usize {
        self.waiting.len() + self.producer.outstanding()
    }

    /// Sends what the producer takes, the oldest first.
    pub(super) fn pump(&mut self) -> Result<(), Trouble> {
        while let Some(parcel) = self.waiting.front() {
            let tag = self.next_tag;
            match send(&self.producer, &self.schema_ids, &parcel.output, tag) {
                Ok(()) => {}
                Err(SendError::QueueFull) => return Ok(()),
                Err(error) => return Err(self.trouble(error)),
            }
            if let Some(from) = parcel.from {
                self.sent.insert(tag, from);
            }
            self.next_tag += 1;
            self.waiting.pop_front();
        }
        Ok(())
    }

    /// The next acknowledged output, if there is one.
    pub(super) fn acknowledged(&mut self) -> Result<Option<From>, Trouble> {
        while let Ok(Some(report)) = self.reports.take() {
            match report {
                Report::Delivered { tag, .. } => {
                    if let Some(from) = self.sent.remove(&tag) {
                        return Ok(Some(from));
                    }
                }
                doubtful => return Err(Trouble::Doubt(reason_of(doubtful))),
            }
        }
        Ok(None)
    }

    /// Forgets what a shard has waiting here; what is in the producer's queue still goes out.
    pub(super) fn forget(&mut self, shard: ShardId) {
        self.waiting.retain(|parcel| parcel.from.is_none_or(|from| from.shard != shard));
    }

    fn trouble(&self, error: SendError) -> Trouble {
        let from = self.waiting.front().and_then(|parcel| parcel.from);
        match (error, from) {
            (error @ (SendError::TooLarge { .. } | SendError::Refused { .. }), Some(from)) => {
                Trouble::Unsendable { from, reason: error.to_string() }
            }
            (error, _) => Trouble::Doubt(error.to_string()),
        }
    }
}

fn reason_of(report: Report) -> String {
    match report {
        Report::Failed { reason, .. }
        | Report::Suspect { reason, .. }
        | Report::Fatal { reason } => reason,
        Report::Stalled { polled } => format!("no report came for {} s", polled.as_secs()),
        Report::Delivered { .. } => "nothing is wrong".to_owned(),
    }
}

fn send(
    producer: &Producer,
    schema_ids: &SchemaIds,
    output: &Output,
    tag: usize,
) -> Result<(), SendError> {
    let prefixed;
    let value = match output.event {
        None => &output.value,
        Some(name) => {
            let id = schema_ids.of(name).ok_or_else(|| SendError::Refused {
                topic: output.topic.name().to_owned(),
                partition: output.partition,
                source: format!("the registry's id of {name} is not known").into(),
            })?;
            prefixed = Confluent::frame(id, &output.value);
            &prefixed
        }
    };
    producer.send(&Outgoing {
        topic: output.topic.name(),
        partition: output.partition,
        key: output.key.as_deref().map(str::as_bytes),
        value,
        headers: &output.headers,
        tag,
    })
}
