//! Reads partitions from explicit offsets, without a group and without commits.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use backon::{BlockingRetryable, ConstantBuilder};
use events::{Millis, Topic};
use rdkafka::consumer::BaseConsumer;

use crate::{
    Connection, Partition, ReadError, Record, StartError, Watermarks,
    consumer::Fetcher,
    context::Context,
    settings::{self, REQUEST_TIMEOUT},
};

/// How long one poll of a bounded reading lasts at most.
const POLL: Duration = Duration::from_millis(100);
/// How often brokers that do not know a partition yet are asked again, and how many times: about as
/// long as one question may take.
const AGAIN_EVERY: Duration = Duration::from_millis(100);
const AGAIN_TIMES: usize = 100;

/// Reads partitions from explicit offsets. Used from one thread, whose calls it blocks; dropping it
/// blocks too, until its connections are closed.
pub struct LogReader {
    fetcher: Fetcher<Context>,
}

/// How far a bounded reading of one partition is.
struct Span {
    partition: Partition,
    next: i64,
    end: i64,
    /// What the library may still say of an earlier reading, until it says something else.
    stale: Option<i64>,
}

impl LogReader {
    /// Makes a reader that reads nothing yet. Needs no broker yet.
    pub fn open(connection: &Connection, client_id: &str) -> Result<Self, StartError> {
        let consumer: BaseConsumer<Context> = settings::reader(connection, client_id)
            .create_with_context(Context { client: "reader" })
            .map_err(|source| StartError::of("reader", source))?;
        Ok(Self { fetcher: Fetcher::new(consumer) })
    }

    /// Starts reading a partition at an offset; the end is a fine place to start.
    pub fn start(&mut self, partition: &Partition, offset: i64) -> Result<(), ReadError> {
        self.fetcher.start(partition, offset)
    }

    /// Stops reading a partition and starts again at another offset.
    pub fn restart(&mut self, partition: &Partition, offset: i64) -> Result<(), ReadError> {
        self.fetcher.restart(partition, offset)
    }

    /// Stops reading a partition; no record of it comes any more.
    pub fn stop(&mut self, partition: &Partition) -> Result<(), ReadError> {
        self.fetcher.stop(std::slice::from_ref(partition))
    }

    /// Holds a partition's records back, without losing any.
    pub fn pause(&mut self, partition: &Partition) -> Result<(), ReadError> {
        self.fetcher.pause(partition)
    }

    /// Ends a pause.
    pub fn resume(&mut self, partition: &Partition) -> Result<(), ReadError> {
        self.fetcher.resume(partition)
    }

    /// Offset of the next record of a started partition.
    pub fn next(&self, partition: &Partition) -> Option<i64> {
        self.fetcher.next(partition)
    }

    /// Where the reading of a started partition is: behind the last record that was polled, and behind
    /// offsets after it that hold no record. `None` before the first; for a moment after a second start,
    /// what was true of the first.
    pub fn position(&self, partition: &Partition) -> Option<i64> {
        self.fetcher.position(partition)
    }

    /// Asks the broker which offsets the partition holds; waits up to ten seconds for an answer, and
    /// as long again for a broker that knows the partition.
    pub fn watermarks(&self, partition: &Partition) -> Result<Watermarks, ReadError> {
        let again = ConstantBuilder::new().with_delay(AGAIN_EVERY).with_max_times(AGAIN_TIMES);
        let ask = || self.fetcher.watermarks(partition, REQUEST_TIMEOUT);
        ask.retry(again).when(ReadError::may_pass).call()
    }

    /// The partitions that a topic has now; waits up to ten seconds for an answer.
    pub fn partitions(&self, topic: Topic) -> Result<Vec<Partition>, ReadError> {
        Ok(Partition::all_of(topic, self.fetcher.partitions(topic.name(), REQUEST_TIMEOUT)?))
    }

    /// Offset of the first record that is not older than this; the end when all are. Waits up to ten
    /// seconds for an answer.
    pub fn offset_at(&self, partition: &Partition, at: Millis) -> Result<i64, ReadError> {
        match self.fetcher.offset_at(partition, at, REQUEST_TIMEOUT)? {
            Some(offset) => Ok(offset),
            None => Ok(self.watermarks(partition)?.high),
        }
    }

    /// The next record of any started partition; each partition in order. `None` after `timeout`, or
    /// earlier.
    pub fn poll(&mut self, timeout: Duration) -> Result<Option<Record>, ReadError> {
        self.fetcher.poll(timeout)
    }

    /// Reads each partition from its offset up to the end that it has now, and hands every record to
    /// `each` until that breaks off. Gives the offset after the last record handed over, in the
    /// order of `starts`. Fails when nothing comes for `silence_max`, whatever the brokers say
    /// meanwhile that [may pass](ReadError::may_pass).
    ///
    /// Stops everything that was started before, and is done with nothing started.
    pub fn read_to_end(
        &mut self,
        starts: &[(Partition, i64)],
        silence_max: Duration,
        each: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<Vec<i64>, ReadError> {
        self.fetcher.stop_all()?;
        let mut spans = Vec::with_capacity(starts.len());
        for (partition, offset) in starts {
            let watermarks = self.watermarks(partition)?;
            if !watermarks.can_start_at(*offset) {
                return Err(ReadError::OutOfRange {
                    partition: partition.clone(),
                    wanted: *offset,
                    low: watermarks.low,
                    high: watermarks.high,
                });
            }
            let (partition, next, end) = (partition.clone(), *offset, watermarks.high);
            spans.push(Span { partition, next, end, stale: None });
        }
        let read = self.read_spans(&mut spans, silence_max, each);
        self.fetcher.stop_all()?;
        read.map(|()| spans.into_iter().map(|span| span.next).collect())
    }

    fn read_spans(
        &mut self,
        spans: &mut [Span],
        silence_max: Duration,
        mut each: impl FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        for span in spans.iter_mut().filter(|span| !span.is_read()) {
            self.start(&span.partition, span.next)?;
            span.stale = self.fetcher.position(&span.partition);
        }
        let mut last = Instant::now();
        while spans.iter().any(|span| !span.is_read()) {
            let record = match self.poll(POLL) {
                Ok(Some(record)) => record,
                Ok(None) if self.pass_over_holes(spans)? => continue,
                Ok(None) if last.elapsed() > silence_max => {
                    return Err(ReadError::Stalled(silence_max));
                }
                Ok(None) => continue,
                Err(error) if error.may_pass() && last.elapsed() <= silence_max => {
                    tracing::debug!(%error, "a bounded reading is started again");
                    for span in spans.iter_mut().filter(|span| !span.is_read()) {
                        self.restart(&span.partition, span.next)?;
                        span.stale = self.fetcher.position(&span.partition);
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            last = Instant::now();
            let span = spans.iter_mut().find(|s| s.partition == record.partition);
            let Some(span) = span.filter(|span| !span.is_read()) else { continue };
            // A record beyond the end was written while this was reading.
            let is_beyond = record.offset >= span.end;
            span.next = span.end.min(record.offset + 1);
            span.stale = None;
            if span.is_read() {
                self.fetcher.stop(std::slice::from_ref(&span.partition))?;
            }
            if !is_beyond && each(record).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Ends the spans whose last offsets hold no record: a transaction's marker takes one, and is
    /// shown to nobody. True when one was.
    fn pass_over_holes(&mut self, spans: &mut [Span]) -> Result<bool, ReadError> {
        let mut has_ended = false;
        for span in spans.iter_mut().filter(|span| !span.is_read()) {
            let position = self.fetcher.position(&span.partition);
            if position == span.stale || position.is_none_or(|position| position < span.end) {
                continue;
            }
            span.next = span.end;
            self.fetcher.stop(std::slice::from_ref(&span.partition))?;
            has_ended = true;
        }
        Ok(has_ended)
    }
}

impl Span {
    fn is_read(&self) -> bool {
        self.next >= self.end
    }
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader").finish_non_exhaustive()
    }
}
