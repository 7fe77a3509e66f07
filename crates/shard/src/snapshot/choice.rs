//! Which snapshot a shard begins with, and which bytes are none that it may begin with.

use events::{Command, ShardId};

use super::Name;
use crate::{
    KNOWN_RULES, State, format,
    owner::Commit,
    processor::{Committed, Offsets},
};

/// What is known of a log when a snapshot of its shard is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub shard: ShardId,
    pub offsets: Offsets,
    /// From the commit, else from the log's first record; `None` when neither is there any more.
    pub stream_id: Option<String>,
}

impl Log {
    /// What a restore knows before it has read anything. A commit that no owner of ours wrote says
    /// nothing.
    pub fn of(shard: ShardId, offsets: Offsets, committed: Option<&Committed>) -> Self {
        let commit = committed.and_then(|c| Commit::read(c.offset, &c.metadata).ok());
        Self { shard, offsets, stream_id: commit.map(|commit| commit.stream_id) }
    }

    /// True when the first record must say which stream this is, before a snapshot is looked for: a
    /// topic that was made anew has lost its commits with its records, and what is kept may be of its
    /// predecessor. A first record that says nothing means that there is no snapshot.
    pub fn needs_first_record(&self) -> bool {
        self.stream_id.is_none() && self.offsets.low == 0
    }
}

/// The stream that a log's first record begins; `None` when it is no such record.
pub fn stream_id(first_value: &[u8]) -> Option<String> {
    match Command::from_single_object(first_value) {
        Ok(Command::ProposeRules(proposal)) => Some(proposal.stream_id),
        _ => None,
    }
}

/// Which of several usable snapshots is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// For a restore: the least to replay.
    Newest,
    /// For a verification: the most to replay.
    Oldest,
    /// For a repair: the newest that has not passed this offset.
    NewestUpTo(i64),
}

/// Why bytes are no snapshot to begin with; the next one is tried instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error(transparent)]
    Unreadable(#[from] format::Unreadable),
    #[error("it holds shard {shard} at offset {next_offset}, which is not what its name says")]
    Misnamed { shard: ShardId, next_offset: i64 },
    #[error("it is of stream {found}, but the log is stream {log}: the topic was made anew")]
    OtherStream { found: String, log: String },
    #[error("it has rules code version {0}, which this binary does not have")]
    UnknownRules(i32),
}

/// The snapshots that the log can go on from, the most wanted first.
pub fn candidates(names: impl IntoIterator<Item = Name>, log: &Log, want: Want) -> Vec<Name> {
    let Offsets { low, high } = log.offsets;
    let limit = match want {
        Want::NewestUpTo(offset) => offset.min(high),
        Want::Newest | Want::Oldest => high,
    };
    let mut names: Vec<Name> = names
        .into_iter()
        .filter(|name| name.shard == log.shard && (low..=limit).contains(&name.next_offset))
        .collect();
    names.sort_unstable();
    if want != Want::Oldest {
        names.reverse();
    }
    names
}

/// Reads what lies under a name.
///
/// # Errors
/// Torn, foreign or unknown bytes, and states of another log, are passed over with a warning.
pub fn read(name: Name, bytes: &[u8], log: &Log) -> Result<State, Unfit> {
    let state = format::decode(bytes)?;
    let (shard, next_offset) = (state.shard(), state.next_offset());
    if (Name { shard, next_offset }) != name {
        return Err(Unfit::Misnamed { shard, next_offset });
    }
    if let Some(stream) = &log.stream_id
        && state.stream_id() != Some(stream)
    {
        let found = state.stream_id().unwrap_or_default().to_owned();
        return Err(Unfit::OtherStream { found, log: stream.clone() });
    }
    match state.rules() {
        Some(rules) if !KNOWN_RULES.contains(&rules.rules) => Err(Unfit::UnknownRules(rules.rules)),
        _ => Ok(state),
    }
}

#[cfg(test)]
mod tests {
    use events::Kind;

    use super::*;

    fn name(next_offset: i64) -> Name {
        Name { shard: ShardId::new(Kind::Orders, 0), next_offset }
    }

    fn log(low: i64, high: i64) -> Log {
        let shard = name(0).shard;
        Log { shard, offsets: Offsets { low, high }, stream_id: None }
    }

    fn found(low: i64, high: i64, want: Want) -> Vec<i64> {
        let other = Name { shard: ShardId::new(Kind::Products, 0), next_offset: 20 };
        let names = [name(10), other, name(30), name(20)];
        candidates(names, &log(low, high), want).iter().map(|name| name.next_offset).collect()
    }

    #[test]
    fn only_snapshots_that_the_log_can_go_on_from_are_candidates() {
        assert_eq!(found(0, 30, Want::Newest), [30, 20, 10]);
        assert_eq!(found(11, 29, Want::Newest), [20]);
        assert_eq!(found(0, 99, Want::Oldest), [10, 20, 30]);
        assert_eq!(found(0, 99, Want::NewestUpTo(29)), [20, 10]);
    }

    #[test]
    fn what_is_not_as_its_name_says_is_passed_over() {
        let bytes = format::encode(&State::new(name(0).shard));
        assert!(read(name(0), &bytes, &log(0, 9)).is_ok());
        assert!(matches!(read(name(5), &bytes, &log(0, 9)), Err(Unfit::Misnamed { .. })));
        assert!(matches!(read(name(0), &bytes[1..], &log(0, 9)), Err(Unfit::Unreadable(_))));
        let made_anew = Log { stream_id: Some("other".to_owned()), ..log(0, 9) };
        assert!(matches!(read(name(0), &bytes, &made_anew), Err(Unfit::OtherStream { .. })));
    }
}
