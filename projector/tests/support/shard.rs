//! A shard as a reader sees it: its outputs to one partition, in order, each with its headers.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use eventlog::{Partition, Record, Timestamp};
use events::{
    Event, Origin, ShardId, Topic, codec::Confluent, header, header::Headers, log_time::rfc3339,
};
use projector::{
    fact::{Fact, Source},
    projection::Projection,
};

use super::history::Step;

const BEGAN_MS: i64 = 1_800_000_000_000;

/// One output, before it is framed for a registry.
#[derive(Debug, Clone)]
pub struct Output {
    pub event: Event,
    pub link_sequence: i64,
    pub version: Option<i64>,
    pub at_ms: i64,
    pub headers: Headers,
}

/// All outputs of the steps of one shard, in link order.
pub fn outputs(shard: ShardId, steps: &[Step]) -> Vec<Output> {
    let mut versions: HashMap<String, i64> = HashMap::new();
    let mut outputs = Vec::new();
    for (offset, step) in (0i64..).zip(steps) {
        for (index, event) in (0i32..).zip(step) {
            let version = event.is_versioned().then(|| {
                let version = versions.entry(event.key().to_owned()).or_default();
                *version += 1;
                *version
            });
            let link_sequence = i64::try_from(outputs.len()).expect("few") + 1;
            let origin = Origin { shard, incarnation: 0, offset, index };
            let at_ms = BEGAN_MS + 10 * offset;
            let mut headers: Headers = vec![
                (header::ORIGIN, origin.to_string()),
                (header::LINK_SEQUENCE, link_sequence.to_string()),
                (header::PART, format!("{}/{}", index + 1, step.len())),
                (header::CHAIN, format!("{:032x}", offset + 1)),
            ];
            headers.extend(version.map(|version| (header::VERSION, version.to_string())));
            headers.push((header::CE_TYPE, event.full_name().to_owned()));
            headers.push((header::CE_TIME, rfc3339(at_ms)));
            let event = event.clone();
            outputs.push(Output { event, link_sequence, version, at_ms, headers });
        }
    }
    outputs
}

impl Output {
    /// The output's value in the Confluent wire format.
    pub fn value(&self, schema_id: u32) -> Vec<u8> {
        Confluent::frame(schema_id, &self.event.to_datum())
    }

    /// The output as it is read at `offset`, without a value.
    pub fn record(&self, partition: &Partition, offset: i64) -> Record {
        self.record_with(partition, offset, None)
    }

    /// The output as it is read at `offset`.
    pub fn record_with(&self, partition: &Partition, offset: i64, value: Option<&[u8]>) -> Record {
        let headers = self.headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        let key = Some(self.event.key().as_bytes());
        let timestamp = Timestamp::LogAppend(self.at_ms);
        Record::new(partition.clone(), offset, timestamp, key, value, headers)
    }

    /// What a reader makes of the output.
    pub fn fact(&self, partition: &Partition, offset: i64) -> Fact<Event> {
        Fact {
            body: self.event.clone(),
            at: DateTime::<Utc>::from_timestamp_millis(self.at_ms).expect("a time"),
            version: self.version,
            command_id: None,
            source: Source {
                partition: partition.clone(),
                offset,
                incarnation: 0,
                link_sequence: self.link_sequence,
                origin: None,
            },
        }
    }
}

/// The rows that the outputs come to, by key: each event once, in order.
pub fn rows<P: Projection<Body = Event>>(
    shard: ShardId,
    outputs: &[Output],
) -> std::collections::BTreeMap<String, P::Rows> {
    let partition = Partition::of(Topic::Events(shard.kind), shard.partition);
    let mut rows = std::collections::BTreeMap::<String, Option<P::Rows>>::new();
    for output in outputs {
        if let Some(key) = P::key(&output.event) {
            let fact = output.fact(&partition, 0);
            P::fold(rows.entry(key.to_owned()).or_default(), &fact).expect("a fit event");
        }
    }
    rows.into_iter().filter_map(|(key, rows)| Some((key, rows?))).collect()
}
