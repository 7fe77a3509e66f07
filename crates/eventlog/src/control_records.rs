//! Writing control records: rules, and whatever else an operator says to shards.

use std::{collections::BTreeSet, time::Duration};

use events::Command;

use crate::{Connection, Outgoing, Partition, Producer, Report, SendError, StartError, producer};

/// How long a record may take to be written.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why control records may not all have been written.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("not all control records were acknowledged: {0}")]
    Unacknowledged(String),
}

/// Appends control records, each partition's in the order given, and waits until all of them are
/// acknowledged. Blocks, up to a minute. After an error some may have been written and others not.
pub fn append(
    connection: &Connection,
    client_id: &str,
    records: &[(Partition, Command)],
) -> Result<(), AppendError> {
    if records.is_empty() {
        return Ok(());
    }
    let options = producer::Options::commands(client_id, PATIENCE);
    let (producer, reports) = Producer::start(connection, &options)?;
    let mut unacknowledged = BTreeSet::new();
    for (tag, (partition, command)) in records.iter().enumerate() {
        producer.send(&Outgoing {
            topic: &partition.topic,
            partition: partition.number,
            key: None,
            value: &command.to_single_object(),
            headers: &[],
            tag,
        })?;
        unacknowledged.insert(tag);
    }
    while !unacknowledged.is_empty() {
        match reports.take_within(2 * PATIENCE) {
            Ok(Some(Report::Delivered { tag, .. })) => {
                unacknowledged.remove(&tag);
            }
            Ok(Some(report)) => return Err(AppendError::Unacknowledged(format!("{report:?}"))),
            Ok(None) | Err(_) => {
                return Err(AppendError::Unacknowledged("no report came in time".to_owned()));
            }
        }
    }
    Ok(())
}
