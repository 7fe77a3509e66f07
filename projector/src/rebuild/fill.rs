//! Fills a generation beside the live one up to given marks, partition by partition.
//!
//! A thread reads ahead by one batch while the batch before it is folded and stored.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use eventlog::{LogReader, Partition};
use events::{Topic, position::Mark};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::{
    sync::mpsc::{Sender, channel},
    task::spawn_blocking,
    time::sleep,
};

use super::{Context, Error};
use crate::{
    decode::Body,
    fold::Read,
    intake::{Intake, Slice},
    link::{Checkpoint, Link},
    projection::Projection,
    runner::start::{From, plan},
    store::{Owner, apply, checkpoint},
};

/// Partitions that are filled at once.
const PARTITIONS_AT_ONCE: usize = 4;
/// Longest silence of a log that is not at its end.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// How long one poll lasts at most.
const POLL: Duration = Duration::from_millis(100);

/// How far partitions are, or are to come.
pub type Marks = BTreeMap<Partition, Mark>;

/// Counts events, and keeps them at the wanted rate.
#[derive(Debug)]
pub struct Pace {
    began: Instant,
    rate: Option<f64>,
    events: AtomicU64,
}

impl Pace {
    pub fn new(rate: Option<f64>) -> Self {
        Self { began: Instant::now(), rate, events: AtomicU64::new(0) }
    }

    /// Events so far.
    pub fn events(&self) -> u64 {
        self.events.load(Relaxed)
    }

    async fn count(&self, events: usize) {
        let all = self.events.fetch_add(events as u64, Relaxed) + events as u64;
        let Some(rate) = self.rate else { return };
        // Counts of events are far below the 2^53 up to which a float counts exactly.
        #[allow(clippy::cast_precision_loss)]
        let due = Duration::from_secs_f64(all as f64 / rate);
        sleep(due.saturating_sub(self.began.elapsed())).await;
    }
}

/// Applies everything up to the marks. What stands further already stays there.
pub async fn fill<P: Projection>(
    context: &Context,
    owner: Owner,
    until: &Marks,
    pace: &Pace,
) -> Result<(), Error> {
    let partitions: Vec<Partition> = until.keys().cloned().collect();
    let from = checkpoint::load(&context.pool, owner, &partitions).await?;
    let mut fillings = Vec::with_capacity(until.len());
    for (partition, until) in until {
        let from = from.get(partition).copied().unwrap_or_default();
        fillings.push(fill_one::<P>(context, owner, partition.clone(), (from, *until), pace));
    }
    stream::iter(fillings).buffer_unordered(PARTITIONS_AT_ONCE).try_collect::<()>().await
}

async fn fill_one<P: Projection>(
    context: &Context,
    owner: Owner,
    partition: Partition,
    (from, until): (Checkpoint, Mark),
    pace: &Pace,
) -> Result<(), Error> {
    if from.mark >= until {
        return Ok(());
    }
    let (slices, mut ready) = channel(1);
    let context_read = context.clone();
    let reading = spawn_blocking(move || read(&context_read, &partition, (from, until), &slices));
    while let Some(slice) = ready.recv().await {
        let mut read = Read { contents: Vec::with_capacity(slice.accepted.len()), slice };
        while let Some(arrived) = read.slice.accepted.get(read.contents.len()) {
            read.contents.push(P::Body::decode(arrived, &context.schemas).await?);
        }
        let events = read.contents.len();
        apply::<P>(&context.pool, owner, &[read]).await?;
        pace.count(events).await;
    }
    drop(ready);
    reading.await.unwrap_or_else(|_| Err(Error::Missing("the reader panicked".to_owned())))
}

/// Reads up to the mark, and hands over a slice at a time. Ends early when nobody takes them.
fn read(
    context: &Context,
    partition: &Partition,
    (from, until): (Checkpoint, Mark),
    slices: &Sender<Slice>,
) -> Result<(), Error> {
    let mut reader = LogReader::open(&context.connection, "spillway-rebuild")?;
    let log = reader.watermarks(partition)?;
    let is_kept_for_ever = matches!(partition.topic(), Some(Topic::Events(_)));
    let (offset, link) = plan(from, log, From::Hint, is_kept_for_ever);
    reader.start(partition, offset)?;
    let mut intake = Intake::new(partition.clone(), from, link);
    let (mut records, mut bytes, mut heard) = (0, 0, Instant::now());
    loop {
        if slices.is_closed() {
            return Ok(());
        }
        let record = reader.poll(POLL)?;
        let is_idle = record.is_none();
        if let Some(record) = record {
            heard = Instant::now();
            records += 1;
            bytes += record.value().map_or(0, <[u8]>::len);
            intake.admit(record);
        }
        let is_done = reached(intake.link(), until);
        let is_full = records >= context.batch_records_max || bytes >= context.batch_bytes_max;
        if (is_done || is_full || is_idle)
            && let Some(slice) = intake.take()
        {
            (records, bytes) = (0, 0);
            if slices.blocking_send(slice).is_err() {
                return Ok(());
            }
        }
        if is_done {
            return Ok(());
        }
        if is_idle && heard.elapsed() >= SILENCE_MAX {
            return Err(Error::Missing(format!(
                "{partition} gives nothing behind {:?}, and the live generation is at {until:?}",
                intake.link().end().mark
            )));
        }
    }
}

fn reached(link: &Link, until: Mark) -> bool {
    link.end().mark >= until
}
