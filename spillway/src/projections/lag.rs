//! How far checkpoints are behind their partitions, in records and in time.
//!
//! The time is how long the oldest record that is not applied has been lying there: a partition at its
//! end is not behind, however long nothing has happened in it, and a rebuild is behind by the age of
//! what it reads.

use std::time::{Duration, Instant};

use chrono::Utc;
use eventlog::{Connection, LogReader, Partition, Timestamp};
use serde::Serialize;

/// How long the oldest record may take to come.
const RECORD_WAIT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Lag {
    /// Records between the checkpoint and the end; repeats count.
    pub(crate) events: i64,
    pub(crate) seconds: f64,
}

/// The lag of each place, in the order of the places; `None` where the broker did not say.
pub(crate) async fn of(connection: Connection, places: Vec<(Partition, i64)>) -> Vec<Option<Lag>> {
    let count = places.len();
    let measured = tokio::task::spawn_blocking(move || measure(&connection, &places)).await;
    measured.unwrap_or_else(|_| vec![None; count])
}

/// The records behind each place, in the order of the places; `None` where the broker did not say.
pub(crate) async fn records(
    connection: Connection,
    places: Vec<(Partition, i64)>,
) -> Vec<Option<i64>> {
    let count = places.len();
    let look = move || {
        let Ok(reader) = LogReader::open(&connection, "spillway-projections") else {
            return vec![None; places.len()];
        };
        let behind = |(partition, next): &(Partition, i64)| {
            Some(reader.watermarks(partition).ok()?.lag(*next))
        };
        places.iter().map(behind).collect()
    };
    let looked = tokio::task::spawn_blocking(look).await;
    looked.unwrap_or_else(|_| vec![None; count])
}

fn measure(connection: &Connection, places: &[(Partition, i64)]) -> Vec<Option<Lag>> {
    let mut lags = vec![None; places.len()];
    let Ok(mut reader) = LogReader::open(connection, "spillway-projections") else {
        return lags;
    };
    for (lag, (partition, next)) in lags.iter_mut().zip(places) {
        // A broker that is away would be waited for once per partition.
        let Ok(log) = reader.watermarks(partition) else {
            break;
        };
        let events = log.lag(*next);
        let seconds = if events == 0 { Some(0.0) } else { age(&mut reader, partition, *next) };
        *lag = seconds.map(|seconds| Lag { events, seconds });
    }
    lags
}

/// How long the first record at the offset or behind it has been there, in seconds.
fn age(reader: &mut LogReader, partition: &Partition, offset: i64) -> Option<f64> {
    let low = reader.watermarks(partition).ok()?.low;
    reader.start(partition, offset.max(low)).ok()?;
    let deadline = Instant::now() + RECORD_WAIT;
    let mut found = None;
    while found.is_none() && Instant::now() < deadline {
        found = reader.poll(Duration::from_millis(100)).ok()?;
    }
    reader.stop(partition).ok()?;
    let (Timestamp::LogAppend(ms) | Timestamp::Create(ms)) = found?.timestamp else {
        return None;
    };
    // An age in milliseconds is far below the 2^53 up to which a float counts exactly.
    #[allow(clippy::cast_precision_loss)]
    let age_ms = (Utc::now().timestamp_millis() - ms).max(0) as f64;
    Some(age_ms / 1000.0)
}
