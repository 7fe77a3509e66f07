//! Reads partitions from explicit offsets, without a group and without commits.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use rdkafka::consumer::BaseConsumer;

use crate::{
    Connection, Partition, ReadError, Record, StartError, Watermarks,
    consumer::Fetcher,
    context::Context,
    settings::{self, REQUEST_TIMEOUT},
};

/// How long one poll of a bounded reading lasts at most.
const POLL: Duration = Duration::from_millis(100);

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

    /// Asks the broker which offsets the partition holds; waits up to ten seconds.
    pub fn watermarks(&self, partition: &Partition) -> Result<Watermarks, ReadError> {
        self.fetcher.watermarks(partition, REQUEST_TIMEOUT)
    }

    /// The next record of any started partition; each partition in order. `None` after `timeout`, or
    /// earlier.
    pub fn poll(&mut self, timeout: Duration) -> Result<Option<Record>, ReadError> {
        self.fetcher.poll(timeout)
    }

    /// Reads each partition from its offset up to the end that it has now, and hands every record to
    /// `each` until that breaks off. Gives the offset after the last record handed over, in the
    /// order of `starts`. Fails when nothing comes for `silence_max`.
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
            spans.push(Span { partition: partition.clone(), next: *offset, end: watermarks.high });
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
        let mut unread = 0;
        for span in spans.iter().filter(|span| span.next < span.end) {
            self.start(&span.partition, span.next)?;
            unread += 1;
        }
        let mut last = Instant::now();
        while unread > 0 {
            let Some(record) = self.poll(POLL)? else {
                if last.elapsed() > silence_max {
                    return Err(ReadError::Stalled(silence_max));
                }
                continue;
            };
            last = Instant::now();
            let span = spans.iter_mut().find(|s| s.partition == record.partition);
            // A record beyond the end was written while this was reading.
            let Some(span) = span.filter(|span| record.offset < span.end) else {
                continue;
            };
            span.next = record.offset + 1;
            if span.next == span.end {
                self.fetcher.stop(std::slice::from_ref(&span.partition))?;
                unread -= 1;
            }
            if each(record).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogReader").finish_non_exhaustive()
    }
}
