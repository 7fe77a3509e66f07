//! What a reader makes of the records written since a repair began.

use std::ops::ControlFlow;

use eventlog::{Connection, LogReader, Partition, ReadError};
use events::{
    ShardId, Topic,
    command::Parameters,
    header::View,
    position::{Arrival, Mark},
};
use shard::State;

use super::{RepairError, SILENCE_MAX};

/// One reader of every partition that the shard may write to.
pub(super) struct Healing {
    reader: LogReader,
    source: ShardId,
    targets: Vec<Target>,
}

#[derive(Debug)]
struct Target {
    partition: Partition,
    /// Where the next look begins.
    next: i64,
    /// What every reader has at least, because all before the repair's start lies in the log.
    mark: Mark,
    /// The highest that was discarded.
    discarded: Mark,
}

impl Healing {
    /// Begins before the first output of a shard in this state is written again.
    pub(super) fn begin(connection: &Connection, state: &State) -> Result<Self, RepairError> {
        let reader = LogReader::open(connection, "spillway-repair-reader")?;
        let incarnation = state.incarnation();
        let parameters = state.rules().map(|rules| rules.parameters);
        let mut targets = Vec::new();
        for (topic, number) in parameters.as_ref().map(all_partitions).unwrap_or_default() {
            let ends = state.link_ends().find(|(target, _)| *target == (topic, number));
            let link_sequence = ends.map_or(0, |(_, last)| last);
            let partition = Partition::of(topic, number);
            let next = reader.watermarks(&partition)?.high;
            let mark = Mark { incarnation, link_sequence };
            targets.push(Target { partition, next, mark, discarded: Mark::default() });
        }
        Ok(Self { reader, source: state.shard(), targets })
    }

    /// True when no reader discards anything that it has not taken since.
    pub(super) fn is_complete(&mut self) -> Result<bool, ReadError> {
        let mut complete = true;
        for target in &mut self.targets {
            let source = self.source;
            let start = [(target.partition.clone(), target.next)];
            let ends = self.reader.read_to_end(&start, SILENCE_MAX, |record| {
                let headers = record.headers();
                if let Some((from, mark)) = View(&headers).link()
                    && from == source
                {
                    match target.mark.arrival(mark) {
                        Arrival::Next => target.mark = mark,
                        Arrival::Gap => target.discarded = target.discarded.max(mark),
                        Arrival::Repeat => {}
                    }
                }
                ControlFlow::Continue(())
            })?;
            target.next = ends.first().copied().unwrap_or(target.next);
            complete &= target.mark >= target.discarded;
        }
        Ok(complete)
    }
}

/// All partitions that shards write to; replies are not read by rule, they are answered or not.
fn all_partitions(parameters: &Parameters) -> Vec<(Topic, i32)> {
    let topics = Topic::ALL.into_iter().filter(|topic| *topic != Topic::Replies);
    let of = |topic| (0..parameters.partitions(topic)).map(move |number| (topic, number));
    topics.flat_map(of).collect()
}
