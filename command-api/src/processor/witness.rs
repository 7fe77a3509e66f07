//! Whether a command log is the one that gave the events beside it.
//!
//! A commit names the log's stream and chain. Whoever deletes a command topic deletes the commits with
//! it, and a topic that was made anew would be taken for a shard that has just begun: its events would
//! be repeats to every reader, and what it answers would be worth nothing. So an owner that has neither
//! commit nor snapshot asks the one witness that is left: the first event that the shard ever wrote.

use std::{ops::ControlFlow, time::Duration};

use eventlog::{Connection, LogReader, Partition, ReadError, StartError};
use events::{ShardId, Topic, header::View};
use shard::{
    State,
    processor::{Impossible, Witness},
    step,
};

use super::record;

/// Longest silence when records are read.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Why it is not known, or what is wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum WitnessError {
    #[error("the shard's first event and the commands up to it cannot be read: {0}")]
    Log(#[from] ReadError),
    #[error(transparent)]
    Client(#[from] StartError),
    #[error(transparent)]
    Impossible(#[from] Impossible),
}

/// Steps the log up to the first event that lies beside it, and compares. Blocks.
pub(super) fn ask(connection: &Connection, shard: ShardId) -> Result<(), WitnessError> {
    let mut reader = LogReader::open(connection, "spillway-restore")?;
    let Some(witness) = first_event(&mut reader, shard)? else { return Ok(()) };
    let mut state = State::new(shard);
    let mut halted = None;
    let partition = Partition::of(Topic::Commands(shard.kind), shard.partition);
    reader.read_to_end(&[(partition, 0)], SILENCE_MAX, |read| {
        if witness.is_reached_by(&state) {
            return ControlFlow::Break(());
        }
        let headers = read.headers();
        match step(&mut state, &record::view(&read, &headers)) {
            Ok(_) => ControlFlow::Continue(()),
            Err(halt) => {
                halted = Some(halt);
                ControlFlow::Break(())
            }
        }
    })?;
    if let Some(halt) = halted {
        return Err(Impossible::from(halt).into());
    }
    Ok(witness.judge(&state)?)
}

/// The first event of the shard that is left; events are kept for ever.
fn first_event(reader: &mut LogReader, shard: ShardId) -> Result<Option<Witness>, ReadError> {
    let partition = Partition::of(Topic::Events(shard.kind), shard.partition);
    let low = reader.watermarks(&partition)?.low;
    let mut witness = None;
    reader.read_to_end(&[(partition, low)], SILENCE_MAX, |read| {
        let headers = read.headers();
        // A record that the shard did not write is no witness.
        witness = Witness::of(shard, View(&headers));
        match witness.is_some() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    })?;
    Ok(witness)
}
