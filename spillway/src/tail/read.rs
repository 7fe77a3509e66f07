//! Reads the logs up to their end, and then what comes.

use std::{ops::ControlFlow, time::Duration};

use anyhow::Context as _;
use eventlog::{Connection, LogReader, Partition, ReadError, Record, SchemaReader};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::{filter::Filter, line::Line, show::Screen};
use crate::{command_log::SILENCE_MAX, since::Start, words};

/// How long a poll waits, and so how long a stop may take.
const POLL: Duration = Duration::from_millis(100);
/// Records up to the present end that are held to be put in the order of log time. More are told as
/// they come.
const SORTED_MAX: usize = 10_000;

/// What is to be read and shown.
pub(super) struct Wish {
    pub(super) connection: Connection,
    pub(super) schemas: SchemaReader,
    pub(super) filter: Filter,
    pub(super) start: Start,
    pub(super) until_end: bool,
    pub(super) limit: Option<u64>,
    pub(super) screen: Screen,
}

/// What was read and shown.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) read: u64,
    pub(super) shown: u64,
    pub(super) unreadable: u64,
    /// The order that the last shown record is about.
    pub(super) last_order: Option<String>,
}

/// Reads until the end, the limit or the stop.
///
/// # Errors
/// The brokers cannot be reached, a topic does not exist, or standard output cannot be written.
pub(super) fn read(
    wish: &Wish,
    runtime: &Handle,
    stop: &CancellationToken,
) -> anyhow::Result<Told> {
    let mut reader = LogReader::open(&wish.connection, "spillway-tail")?;
    let starts = starts(&reader, wish)?;
    // Followed lines are told at once: who looks on wants to see them come.
    let held = wish.until_end.then(Vec::new);
    let mut telling = Telling { wish, runtime, told: Told::default(), held, failed: None };
    let mut is_over = false;
    let ends = reader.read_to_end(&starts, SILENCE_MAX, |record| {
        let flow = if stop.is_cancelled() { ControlFlow::Break(()) } else { telling.take(&record) };
        is_over = flow.is_break();
        flow
    })?;
    is_over |= telling.release().is_break();
    if !wish.until_end && !is_over && telling.failed.is_none() {
        let nexts = starts.into_iter().zip(ends).map(|((partition, _), next)| (partition, next));
        follow(&mut reader, &nexts.collect::<Vec<_>>(), &mut telling, stop)?;
    }
    match telling.failed {
        Some(error) => Err(error),
        None => Ok(telling.told),
    }
}

/// Where each partition is begun.
fn starts(reader: &LogReader, wish: &Wish) -> anyhow::Result<Vec<(Partition, i64)>> {
    let mut starts = Vec::new();
    for topic in wish.filter.topics() {
        let partitions = reader.partitions(topic).context("the topics cannot be read")?;
        for partition in partitions.into_iter().filter(|p| wish.filter.takes_partition(p)) {
            let offset = start(reader, &partition, wish.start)?;
            starts.push((partition, offset));
        }
    }
    match starts.is_empty() {
        true => anyhow::bail!("no partition holds such records"),
        false => Ok(starts),
    }
}

fn start(reader: &LogReader, partition: &Partition, start: Start) -> Result<i64, ReadError> {
    let held = reader.watermarks(partition)?;
    Ok(match start {
        Start::Offset(offset) => offset.clamp(held.low, held.high),
        Start::At(at) => reader.offset_at(partition, at)?.clamp(held.low, held.high),
        Start::End => held.high,
    })
}

/// Reads on from these offsets until the stop.
fn follow(
    reader: &mut LogReader,
    nexts: &[(Partition, i64)],
    telling: &mut Telling<'_>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    for (partition, next) in nexts {
        reader.start(partition, *next)?;
    }
    while !stop.is_cancelled() {
        match reader.poll(POLL) {
            Ok(None) => {}
            Ok(Some(record)) if telling.take(&record).is_break() => break,
            Ok(Some(_)) => {}
            Err(ReadError::OutOfRange { partition, wanted, low, .. }) => {
                words::say(&format!("{partition}: records {wanted} to {low} are deleted"));
                reader.restart(&partition, low)?;
            }
            Err(error) if error.may_pass() => {
                tracing::debug!(%error, "The reading goes on.");
                for (partition, next) in nexts {
                    let next = reader.next(partition).unwrap_or(*next);
                    reader.restart(partition, next)?;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Shows what is meant, and counts.
struct Telling<'a> {
    wish: &'a Wish,
    runtime: &'a Handle,
    told: Told,
    /// Lines that wait to be put in order, while they do.
    held: Option<Vec<Line>>,
    /// Why nothing more can be shown.
    failed: Option<anyhow::Error>,
}

impl Telling<'_> {
    fn take(&mut self, record: &Record) -> ControlFlow<()> {
        self.told.read += 1;
        if !self.wish.filter.may_take(record) {
            return ControlFlow::Continue(());
        }
        let line = Line::of(record, &self.wish.schemas, self.runtime);
        if !self.wish.filter.takes(&line) {
            return ControlFlow::Continue(());
        }
        match &mut self.held {
            Some(held) if held.len() < SORTED_MAX => {
                held.push(line);
                ControlFlow::Continue(())
            }
            Some(_) => {
                self.release()?;
                words::say("there are many: from here on they come as they are read");
                self.show(&line)
            }
            None => self.show(&line),
        }
    }

    /// Shows what is held, in the order of log time, and holds nothing from then on.
    fn release(&mut self) -> ControlFlow<()> {
        let mut held = self.held.take().unwrap_or_default();
        // What was written at one instant has an order too, the same each time.
        held.sort_by(|a, b| a.place().cmp(&b.place()));
        held.iter().try_for_each(|line| self.show(line))
    }

    fn show(&mut self, line: &Line) -> ControlFlow<()> {
        match self.wish.screen.show(line) {
            Ok(flow) => flow?,
            Err(error) => {
                self.failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        self.told.shown += 1;
        self.told.unreadable += u64::from(line.unreadable.is_some());
        if line.topic.starts_with("orders.") && line.key.is_some() {
            self.told.last_order.clone_from(&line.key);
        }
        match self.wish.limit {
            Some(limit) if self.told.shown >= limit => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}
