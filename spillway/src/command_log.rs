//! The command logs as the shards see them: which there are, and their records.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context as _;
use eventlog::{LogReader, Partition, Record, Timestamp};
use events::{Command, Kind, Topic, command::Parameters, header::View};

/// Longest silence within a reading.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The parameters that the log begins with; they hold the partition counts, which never change.
pub(crate) fn first_parameters(reader: &mut LogReader) -> anyhow::Result<Parameters> {
    let partition = Partition::of(Topic::Commands(Kind::Orders), 0);
    let mut parameters = None;
    reader
        .read_to_end(&[(partition, 0)], SILENCE_MAX, |record| {
            let value = record.value().unwrap_or_default();
            if let Ok(Command::ProposeRules(proposal)) = Command::from_single_object(value) {
                parameters = Some(proposal.parameters);
            }
            ControlFlow::Break(())
        })
        .context("the command log cannot be read")?;
    parameters.context("the command log does not begin with rules: run `spillway topics apply`")
}

/// The command partitions of all shards.
pub(crate) fn partitions(parameters: &Parameters) -> Vec<Partition> {
    let of_kind = |kind| Partition::all_of(Topic::Commands(kind), parameters.shards(kind));
    Kind::ALL.into_iter().flat_map(of_kind).collect()
}

/// Hands a record over in the form that shards take.
pub(crate) fn as_shard_record<T>(record: &Record, take: impl FnOnce(&shard::Record<'_>) -> T) -> T {
    let headers = record.headers();
    take(&shard::Record {
        offset: record.offset,
        timestamp: match record.timestamp {
            Timestamp::LogAppend(ms) => shard::Timestamp::LogAppend(ms),
            Timestamp::Create(ms) => shard::Timestamp::Foreign(ms),
            Timestamp::None => shard::Timestamp::Foreign(0),
        },
        key: record.key(),
        value: record.value(),
        headers: View(&headers),
    })
}
