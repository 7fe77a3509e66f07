//! From drafts to records: numbers, chain and headers (PROTOCOL 26).

use std::collections::BTreeMap;

use domain::FollowUp;
use events::{
    Event, Millis, Origin, ShardId, Topic,
    codec::Record as _,
    dead_letter::CommandDeadLetter,
    header::{self, Headers, ReturnAddress},
    log_time,
    outcome::Outcome,
    position::Mark,
    reply::{Answer, Reply},
};
use uuid::Uuid;

use crate::{chain::span_of, intake::Fault, output::Output, record::Record, state::State};

/// What a step's outputs stem from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cause<'a> {
    pub(crate) command_id: Option<u128>,
    pub(crate) traceparent: Option<&'a str>,
}

/// An output before it has its numbers.
#[derive(Debug)]
pub(crate) struct Draft {
    topic: Topic,
    partition: i32,
    key: Option<String>,
    value: Vec<u8>,
    event: Option<(&'static str, Option<i64>)>,
    revision: Option<i64>,
    /// The command that an outcome or reply is about, where it is not the step's own.
    command_id: Option<u128>,
}

impl Draft {
    pub(crate) fn event(shard: ShardId, event: &Event, version: Option<i64>) -> Self {
        Self {
            topic: Topic::Events(shard.kind),
            partition: shard.partition,
            key: Some(event.key().to_owned()),
            value: event.to_datum(),
            event: Some((event.full_name(), version)),
            revision: None,
            command_id: None,
        }
    }

    pub(crate) fn follow_up(follow_up: &FollowUp, revision: i64) -> Self {
        Self {
            topic: Topic::Commands(follow_up.target.kind),
            partition: follow_up.target.partition,
            key: follow_up.command.key().map(str::to_owned),
            value: follow_up.command.to_single_object(),
            event: None,
            revision: Some(revision),
            command_id: None,
        }
    }

    pub(crate) fn outcome(shard: ShardId, command_id: u128, outcome: &Outcome) -> Self {
        Self {
            topic: Topic::Outcomes(shard.kind),
            partition: shard.partition,
            key: Some(outcome.key.clone()),
            value: outcome.to_single_object(),
            event: None,
            revision: None,
            command_id: Some(command_id),
        }
    }

    /// `None` for a return address that names no partition of the replies topic. Before the first
    /// rules only partition 0 is sure to exist.
    pub(crate) fn reply(
        state: &State,
        address: ReturnAddress,
        command_id: u128,
        answer: Answer,
        replayed: bool,
        outcome: Option<Outcome>,
    ) -> Option<Self> {
        let partitions = state.rules().map_or(1, |rules| rules.parameters.replies_partitions);
        if address.partition >= partitions {
            return None;
        }
        let reply = Reply {
            correlation: format!("{:032x}", address.correlation),
            command_id: Uuid::from_u128(command_id).to_string(),
            answer,
            replayed,
            outcome,
            now: state.now,
            decided_offset: state.next_offset - 1,
            dedup_entries: count(state.dedup_entries()),
            live_aggregates: count(state.live_aggregates()),
        };
        Some(Self {
            topic: Topic::Replies,
            partition: address.partition,
            key: None,
            value: reply.to_single_object(),
            event: None,
            revision: None,
            command_id: Some(command_id),
        })
    }

    pub(crate) fn dead_letter(state: &State, offset: i64, fault: Fault) -> Self {
        let partitions = state.rules().map_or(1, |rules| rules.parameters.dead_letters_partitions);
        let letter = CommandDeadLetter {
            topic: Topic::Commands(state.shard.kind).name().to_owned(),
            partition: state.shard.partition,
            offset,
            error_class: fault.class.to_owned(),
            message: fault.message,
        };
        Self {
            topic: Topic::CommandDeadLetters,
            partition: state.shard.partition % partitions,
            key: None,
            value: letter.to_single_object(),
            event: None,
            revision: None,
            command_id: None,
        }
    }
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The outputs of one step, in order.
#[derive(Debug)]
pub(crate) struct Drafts<'a, 'r> {
    record: &'a Record<'r>,
    cause: Cause<'r>,
    now: Millis,
    drafts: Vec<Draft>,
}

impl<'a, 'r> Drafts<'a, 'r> {
    pub(crate) fn new(record: &'a Record<'r>, cause: Cause<'r>, now: Millis) -> Self {
        Self { record, cause, now, drafts: Vec::new() }
    }

    pub(crate) fn push(&mut self, draft: Draft) {
        self.drafts.push(draft);
    }

    pub(crate) fn extend(&mut self, draft: Option<Draft>) {
        self.drafts.extend(draft);
    }

    /// How far the shard's events are, those of this step included.
    pub(crate) fn mark_after_events(&self, state: &State) -> Mark {
        let mut mark = state.event_mark();
        mark.link_sequence += count(self.drafts.iter().filter(|d| d.event.is_some()).count());
        mark
    }

    /// Numbers the outputs, moves the state's counters and chain, and writes the headers.
    pub(crate) fn finish(self, state: &mut State) -> Vec<Output> {
        let mut parts: BTreeMap<(Topic, i32), (usize, usize)> = BTreeMap::new();
        for draft in &self.drafts {
            parts.entry((draft.topic, draft.partition)).or_default().1 += 1;
        }
        let mut outputs = Vec::with_capacity(self.drafts.len());
        for (index, draft) in self.drafts.into_iter().enumerate() {
            let target = (draft.topic, draft.partition);
            let part = parts.entry(target).or_default();
            part.0 += 1;
            let stamp = Stamp {
                origin: Origin {
                    shard: state.shard,
                    incarnation: state.incarnation,
                    offset: self.record.offset,
                    index: i32::try_from(index).unwrap_or(i32::MAX),
                },
                link_sequence: state.links.next(target),
                part: *part,
            };
            outputs.push(output(draft, &stamp, self.cause, self.now));
        }
        state.chain = state.chain.after(self.record, &outputs);
        let chain = state.chain.to_string();
        for output in &mut outputs {
            output.headers.insert(CHAIN_AT, (header::CHAIN, chain.clone()));
        }
        outputs
    }
}

/// The chain header stands behind origin, link sequence and part.
const CHAIN_AT: usize = 3;

struct Stamp {
    origin: Origin,
    link_sequence: i64,
    part: (usize, usize),
}

fn output(draft: Draft, stamp: &Stamp, cause: Cause<'_>, now: Millis) -> Output {
    let origin = stamp.origin.to_string();
    let mut headers: Headers = Vec::with_capacity(16);
    headers.push((header::ORIGIN, origin.clone()));
    headers.push((header::LINK_SEQUENCE, stamp.link_sequence.to_string()));
    headers.push((header::PART, format!("{}/{}", stamp.part.0, stamp.part.1)));
    if let Some(revision) = draft.revision {
        headers.push((header::RULES, revision.to_string()));
    }
    if let Some((_, Some(version))) = draft.event {
        headers.push((header::VERSION, version.to_string()));
    }
    if let Some(command_id) = draft.command_id.or(cause.command_id) {
        headers.push((header::COMMAND, Uuid::from_u128(command_id).to_string()));
    }
    if let Some((name, _)) = draft.event {
        headers.push((header::CE_SPECVERSION, "1.0".to_owned()));
        headers.push((header::CE_SOURCE, format!("/spillway/{}", stamp.origin.shard)));
        headers.push((header::CE_SUBJECT, draft.key.clone().unwrap_or_default()));
        headers.push((header::CE_TYPE, name.to_owned()));
        headers.push((header::CE_TIME, log_time::rfc3339(now)));
        headers.push((header::CONTENT_TYPE, header::AVRO.to_owned()));
        headers.push((header::CE_ID, origin.clone()));
    }
    if let Some(traceparent) = cause.traceparent.and_then(|parent| child_of(parent, &origin)) {
        headers.push((header::TRACEPARENT, traceparent));
    }
    Output {
        topic: draft.topic,
        partition: draft.partition,
        key: draft.key,
        value: draft.value,
        event: draft.event.map(|(name, _)| name),
        headers,
    }
}

/// The trace context of an output: trace id and flags of its command, and a span id of its own.
/// `None` for a text that is no W3C trace context of version 00.
fn child_of(traceparent: &str, origin: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_valid = version == "00"
        && is_hex(trace, 32)
        && is_hex(span, 16)
        && is_hex(flags, 2)
        && parts.next().is_none();
    is_valid.then(|| format!("00-{trace}-{:016x}-{flags}", span_of(origin)))
}
