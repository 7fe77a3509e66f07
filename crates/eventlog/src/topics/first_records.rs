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

    fn commands(&self, missing: Missing) -> Vec<Command> {
        // Random, so that a log made anew under the same name is told from the one before.
        let stream_id = || Uuid::new_v4().simple().to_string();
        let propose = |(revision, rules, parameters): &(i64, i32, Parameters)| {
            let (revision, rules, parameters) = (*revision, *rules, *parameters);
            ProposeRules { revision, rules, stream_id: stream_id(), parameters }.into()
        };
        let proposals = self.proposals.iter().map(propose);
        let rest = [ActivateRules { revision: self.active }.into()].into_iter();
        let raise = self.incarnation.map(|incarnation| RaiseIncarnation { incarnation }.into());
        match missing {
            Missing::Nothing => Vec::new(),
            Missing::Activation => rest.chain(raise).collect(),
            Missing::Both => proposals.chain(rest).chain(raise).collect(),
        }
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
    /// A run of `apply` ended between the two.
    Activation,
    Both,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Missing::Nothing => "nothing",
            Missing::Activation => "ActivateRules",
            Missing::Both => "ProposeRules and ActivateRules",
        })
    }
}

/// Looks for the first records of a shard.
pub(super) async fn missing(
    connection: &Connection,
    partition: &Partition,
) -> Result<Missing, WriteError> {
    let (connection, partition) = (connection.clone(), partition.clone());
    blocking(move || find(&connection, &partition)).await
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

fn find(connection: &Connection, partition: &Partition) -> Result<Missing, WriteError> {
    let mut reader = LogReader::open(connection, "spillway-topics")?;
    let watermarks = reader.watermarks(partition)?;
    if watermarks.high == 0 {
        return Ok(Missing::Both);
    }
    if watermarks.low > 0 {
        // The oldest commands were deleted, which only ever happens to a shard that has rules.
        return Ok(Missing::Nothing);
    }
    // They stand at the very beginning, so this reads one or two records of a shard that has them.
    let mut missing = Missing::Both;
    reader.read_to_end(&[(partition.clone(), 0)], PATIENCE, |record| {
        missing = after(missing, &record);
        if missing == Missing::Nothing { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(missing)
}

fn after(missing: Missing, record: &Record) -> Missing {
    match record.value().map(Command::from_single_object) {
        Some(Ok(Command::ProposeRules(_))) if missing == Missing::Both => Missing::Activation,
        Some(Ok(Command::ActivateRules(_))) if missing == Missing::Activation => Missing::Nothing,
        _ => missing,
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
    use events::profile::Profile;

    #[test]
    fn both_records_are_found_again() {
        let parameters = Profile::LOCAL.parameters();
        let found = First::rules(parameters).commands(Missing::Both).iter().fold(
            Missing::Both,
            |missing, command| {
                let value = command.to_single_object();
                let partition = Partition::new("t", 0);
                let record = Record::new(partition, 0, Timestamp::None, None, Some(&value), []);
                after(missing, &record)
            },
        );
        assert_eq!(found, Missing::Nothing);
    }
}
