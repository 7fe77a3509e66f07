//! The first records of every shard: which rules are in force, and the log's identity.

use std::{fmt, ops::ControlFlow, time::Duration};

use events::{
    Command,
    command::{ActivateRules, Parameters, ProposeRules, RaiseIncarnation},
};
use uuid::Uuid;

use crate::{
    Connection, LogReader, Partition, ReadError, Record, StartError,
    control_records::{self, AppendError},
};

/// The revision that a shard begins with.
pub const FIRST_REVISION: i64 = 1;
/// The version of the deciding code that a shard begins with.
pub const FIRST_RULES: i32 = 1;

/// What a shard begins with.
#[derive(Debug, Clone)]
pub struct First {
    /// Proposed one after the other: revision, code version and parameters.
    pub proposals: Vec<(i64, i32, Parameters)>,
    /// Which of the revisions is activated.
    pub active: i64,
    /// Raised at once, where the shard has had a log before.
    pub incarnation: Option<i64>,
}

impl First {
    /// The first rules, with these parameters.
    pub fn rules(parameters: Parameters) -> Self {
        let proposals = vec![(FIRST_REVISION, FIRST_RULES, parameters)];
        Self { proposals, active: FIRST_REVISION, incarnation: None }
    }

    /// The raise stands directly behind the first proposal, which must be the first record: before any
    /// offset from which the shard's lost log can have given an event, since that had two records of its
    /// own there. So whoever steps the new log up to that offset sees that the past was given up.
    fn commands(&self, missing: Missing) -> Vec<Command> {
        // Random, so that a log made anew under the same name is told from the one before.
        let stream_id = || Uuid::new_v4().simple().to_string();
        let propose = |(revision, rules, parameters): &(i64, i32, Parameters)| {
            let (revision, rules, parameters) = (*revision, *rules, *parameters);
            ProposeRules { revision, rules, stream_id: stream_id(), parameters }.into()
        };
        let proposed = match missing {
            Missing::Nothing => return Vec::new(),
            Missing::Activation { proposed } => Some(proposed),
            Missing::Both => None,
        };
        let lacking = self.proposals.iter().filter(|(revision, ..)| Some(*revision) > proposed);
        let mut lacking = lacking.map(propose);
        let first = if proposed.is_none() { lacking.next() } else { None };
        let raise = self.incarnation.map(|incarnation| RaiseIncarnation { incarnation }.into());
        let activate = ActivateRules { revision: self.active }.into();
        first.into_iter().chain(raise).chain(lacking).chain([activate]).collect()
    }
}

/// How long a partition may take to be read on.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why the first records could not be read or written. Running `apply` again is safe.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the command logs cannot be read: {0}")]
    Read(#[from] ReadError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error("the work on the first records ended early: {0}")]
    Interrupted(String),
}

/// Which of its first records a shard lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Nothing,
    /// A run of `apply` ended after the proposal of this revision, the highest that is there.
    Activation {
        proposed: i64,
    },
    Both,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Missing::Nothing => "nothing",
            Missing::Activation { .. } => "ActivateRules",
            Missing::Both => "ProposeRules and ActivateRules",
        })
    }
}

/// What the beginning of a shard's log holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Beginning {
    pub(super) partition: Partition,
    pub(super) missing: Missing,
    /// False where the rules were proposed without one, which nothing can mend.
    pub(super) has_stream_id: bool,
}

/// Looks for the first records of shards.
pub(super) async fn look(
    connection: &Connection,
    partitions: Vec<Partition>,
) -> Result<Vec<Beginning>, WriteError> {
    let connection = connection.clone();
    blocking(move || {
        let mut reader = LogReader::open(&connection, "spillway-topics")?;
        partitions.into_iter().map(|partition| find(&mut reader, partition)).collect()
    })
    .await
}

/// Writes what is missing and waits until all of it is acknowledged.
pub(super) async fn write(
    connection: &Connection,
    missing: &[(Partition, Missing)],
    first: First,
) -> Result<(), WriteError> {
    if missing.is_empty() {
        return Ok(());
    }
    let (connection, missing) = (connection.clone(), missing.to_vec());
    blocking(move || append(&connection, &missing, &first)).await
}

fn find(reader: &mut LogReader, partition: Partition) -> Result<Beginning, WriteError> {
    let watermarks = reader.watermarks(&partition)?;
    let mut found = Found::default();
    // The oldest commands were deleted, which only ever happens to a shard that has rules.
    if watermarks.low > 0 {
        return Ok(Beginning { partition, missing: Missing::Nothing, has_stream_id: true });
    }
    // They stand at the very beginning, so this reads one or two records of a shard that has them.
    reader.read_to_end(&[(partition.clone(), 0)], PATIENCE, |record| {
        found.take(&record);
        match found.is_active {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    let has_stream_id = found.stream_id.as_ref().is_none_or(|id| !id.is_empty());
    Ok(Beginning { partition, missing: found.missing(), has_stream_id })
}

/// What was found of the first records.
#[derive(Debug, Default)]
struct Found {
    /// Of the first ProposeRules, which is the shard's.
    stream_id: Option<String>,
    proposed: Vec<i64>,
    is_active: bool,
}

impl Found {
    /// Whatever else stands there, such as the command of a client that came too early, is no rules
    /// record; an activation of what was not proposed activates nothing.
    fn take(&mut self, record: &Record) {
        match record.value().map(Command::from_single_object) {
            Some(Ok(Command::ProposeRules(propose))) => {
                self.stream_id.get_or_insert(propose.stream_id);
                self.proposed.push(propose.revision);
            }
            Some(Ok(Command::ActivateRules(activate))) => {
                self.is_active |= self.proposed.contains(&activate.revision);
            }
            _ => {}
        }
    }

    fn missing(&self) -> Missing {
        match (self.is_active, self.proposed.iter().max()) {
            (true, _) => Missing::Nothing,
            (false, Some(proposed)) => Missing::Activation { proposed: *proposed },
            (false, None) => Missing::Both,
        }
    }
}

fn append(
    connection: &Connection,
    missing: &[(Partition, Missing)],
    first: &First,
) -> Result<(), WriteError> {
    let records: Vec<(Partition, Command)> = missing
        .iter()
        .flat_map(|(partition, missing)| {
            first.commands(*missing).into_iter().map(|command| (partition.clone(), command))
        })
        .collect();
    Ok(control_records::append(connection, "spillway-topics", &records)?)
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WriteError> + Send + 'static,
) -> Result<T, WriteError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(WriteError::Interrupted(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;
    use events::{command::Tick, profile::Profile};

    fn found(commands: &[Command]) -> Found {
        let mut found = Found::default();
        for command in commands {
            let value = command.to_single_object();
            let partition = Partition::new("t", 0);
            found.take(&Record::new(partition, 0, Timestamp::None, None, Some(&value), []));
        }
        found
    }

    #[test]
    fn both_records_are_found_again() {
        let first = First::rules(Profile::LOCAL.parameters());
        let found = found(&first.commands(Missing::Both));
        assert_eq!(found.missing(), Missing::Nothing);
        assert!(found.stream_id.is_some_and(|id| !id.is_empty()));
    }

    #[test]
    fn records_that_are_no_rules_of_this_shard_count_for_nothing() {
        assert_eq!(found(&[Tick {}.into()]).missing(), Missing::Both);
        let activate = |revision| Command::from(ActivateRules { revision });
        assert_eq!(found(&[activate(FIRST_REVISION)]).missing(), Missing::Both);
        let mut commands = First::rules(Profile::LOCAL.parameters()).commands(Missing::Both);
        commands[1] = activate(FIRST_REVISION + 1);
        let missing = Missing::Activation { proposed: FIRST_REVISION };
        assert_eq!(found(&commands).missing(), missing);
    }

    /// An event's command stood at offset 2 or above: two records of rules come before any other.
    #[test]
    fn a_shard_that_begins_anew_says_so_before_the_offset_of_any_event_it_lost() {
        let parameters = Profile::LOCAL.parameters();
        let proposals = vec![(1, 1, parameters), (2, 1, parameters), (3, 1, parameters)];
        let first = First { proposals, active: 1, incarnation: Some(4) };
        let commands = first.commands(Missing::Both);
        assert!(matches!(commands[0], Command::ProposeRules(_)), "{commands:?}");
        assert_eq!(commands[1], RaiseIncarnation { incarnation: 4 }.into());
        assert_eq!(found(&commands).proposed, [1, 2, 3]);
    }

    #[test]
    fn what_an_interrupted_run_has_written_is_completed_wherever_it_ended() {
        let parameters = Profile::LOCAL.parameters();
        let proposals = vec![(1, 1, parameters), (2, 1, parameters)];
        let first = First { proposals, active: 2, incarnation: Some(1) };
        let whole = first.commands(Missing::Both);
        for written in 0..=whole.len() {
            let mut log = whole[..written].to_vec();
            log.extend(first.commands(found(&log).missing()));
            let found = found(&log);
            assert_eq!(found.missing(), Missing::Nothing, "after {written} records");
            assert_eq!(found.proposed, [1, 2], "after {written} records");
            assert!(log.contains(&RaiseIncarnation { incarnation: 1 }.into()));
        }
    }
}
