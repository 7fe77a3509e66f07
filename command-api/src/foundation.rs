//! What the process stands on: the topics as they must be, and the rules at the head of the log.
//!
//! Both roles refuse to start on anything else, because a key in the wrong partition would be
//! decided by the wrong shard, and a topic that takes the writers' clocks has no log time.

use std::ops::ControlFlow;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use eventlog::topics::{Difference, TopicsError};
use eventlog::{Connection, LogReader, Partition, ReadError, StartError, Topics};
use events::command::Parameters;
use events::profile::Profile;
use events::{Command, Kind, ShardId, Topic};
use shard::{
    processor::Offsets,
    snapshot::{Log, Want},
};
use snapshots::{Library, StoreError};

/// How often, and how many times, brokers that do not answer are asked again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
const ASK_TIMES: usize = 60;

/// Longest silence within the reading of the first records.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Topics and rules that were found to be right.
#[derive(Debug, Clone)]
pub(crate) struct Foundation {
    /// The profile, with the partition counts of the log's rules.
    pub(crate) profile: Profile,
    pub(crate) parameters: Parameters,
}

/// Why the process cannot stand on this log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsound {
    #[error(transparent)]
    Topics(#[from] TopicsError),
    #[error("the first rules cannot be read")]
    Read(#[from] ReadError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("the log's start was deleted, and the snapshots cannot be read")]
    Snapshots(#[from] StoreError),
    #[error("the reading of the first rules was cut short")]
    Cut,
}

impl Unsound {
    /// True for what may be different in a moment: brokers that do not answer yet.
    fn may_pass(&self) -> bool {
        !matches!(self, Unsound::Topics(TopicsError::Different(_)) | Unsound::Start(_))
    }
}

/// Checks the topics and reads the first rules, from a snapshot when an operator has deleted the
/// log's start; waits a minute for brokers that do not answer.
pub(crate) async fn survey(
    connection: &Connection,
    profile: Profile,
    library: Option<&Library>,
) -> Result<Foundation, Unsound> {
    let attempt = || attempt(connection, profile, library);
    attempt
        .retry(ConstantBuilder::new().with_delay(ASK_AGAIN).with_max_times(ASK_TIMES))
        .when(Unsound::may_pass)
        .notify(|error, _| tracing::warn!(%error, "The log cannot be checked yet; asking again."))
        .await
}

async fn attempt(
    connection: &Connection,
    profile: Profile,
    library: Option<&Library>,
) -> Result<Foundation, Unsound> {
    let different = match Topics::new(connection, profile)?.check().await {
        Ok(()) => None,
        // The counts of the profile are a proposal; those of the rules are looked at next.
        Err(TopicsError::Different(found)) if found.iter().all(is_count) => Some(found),
        Err(error) => return Err(error.into()),
    };
    let parameters = match (first_parameters(connection).await?, library) {
        (Some(parameters), _) => Some(parameters),
        (None, Some(library)) => kept_parameters(library).await?,
        (None, None) => None,
    };
    let Some(parameters) = parameters else {
        return match different {
            None => Ok(Foundation { profile, parameters: profile.parameters() }),
            Some(found) => Err(TopicsError::Different(found).into()),
        };
    };
    let profile = Profile {
        orders_partitions: parameters.orders_partitions,
        products_partitions: parameters.products_partitions,
        replies_partitions: parameters.replies_partitions,
        dead_letters_partitions: parameters.dead_letters_partitions,
        ..profile
    };
    Topics::new(connection, profile)?.check().await?;
    Ok(Foundation { profile, parameters })
}

fn is_count(difference: &Difference) -> bool {
    matches!(difference, Difference::Partitions { .. })
}

/// The parameters of the rules that a shard begins with; all shards begin with the same. `None`
/// when the log does not begin with them any more.
async fn first_parameters(connection: &Connection) -> Result<Option<Parameters>, Unsound> {
    let connection = connection.clone();
    let reading = tokio::task::spawn_blocking(move || read_first(&connection));
    reading.await.unwrap_or(Err(Unsound::Cut))
}

/// The parameters of the newest usable snapshot; partition counts never change, so any will do.
async fn kept_parameters(library: &Library) -> Result<Option<Parameters>, Unsound> {
    let shard = ShardId::new(Kind::Orders, 0);
    let offsets = Offsets { low: 0, high: i64::MAX };
    let found = library.find(&Log { shard, offsets, stream_id: None }, Want::Newest).await?;
    Ok(found.and_then(|found| Some(found.state.rules()?.parameters)))
}

fn read_first(connection: &Connection) -> Result<Option<Parameters>, Unsound> {
    let partition = Partition::of(Topic::Commands(Kind::Orders), 0);
    let mut reader = LogReader::open(connection, "command-api-rules")?;
    let low = reader.watermarks(&partition)?.low;
    let mut found = None;
    reader.read_to_end(&[(partition, low)], SILENCE_MAX, |record| {
        // The first record is the proposal, or none is: an operator has deleted old commands.
        let value = record.value().unwrap_or_default();
        if let Ok(Command::ProposeRules(proposal)) = Command::from_single_object(value) {
            found = Some(proposal.parameters);
        }
        ControlFlow::Break(())
    })?;
    Ok(found)
}
