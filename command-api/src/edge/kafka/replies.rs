//! Reads one partition of the replies topic and hands each reply to the one who waits.
//!
//! Reading starts at the high watermark asked for at the start: everything above it can only answer
//! commands that this instance has yet to append, and nothing below it can.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use eventlog::{LogReader, Partition, ReadError, Record};
use events::codec::Record as _;
use events::header::ORIGIN;
use events::reply::Reply;
use events::{Origin, ShardId, Topic};
use service::health::{Condition, Health, Heartbeat};

use super::{Broken, Desk, JoinError, SILENCE_MAX, SLICE};
use crate::edge::admission::Progress;
use crate::edge::metrics;
use crate::edge::waiting::Delivery;

/// Pause before a reading that broke is begun again.
const AGAIN_PAUSE: Duration = Duration::from_secs(1);

/// The reader of one partition of the replies topic.
#[derive(Debug)]
pub(super) struct Replies {
    partition: Partition,
    desk: Desk,
}

impl Replies {
    /// `partition` is the return address of this instance's commands.
    pub(super) fn new(partition: i32, desk: Desk) -> Self {
        Self { partition: Partition::of(Topic::Replies, partition), desk }
    }

    /// Starts the thread; the process is ready once the first watermark is known.
    pub(super) fn start(self, health: &Health) -> Result<JoinHandle<()>, JoinError> {
        let condition = health.condition("replies consumer");
        let heartbeat = health.heartbeat("replies", SILENCE_MAX);
        thread::Builder::new()
            .name("replies".to_owned())
            .spawn(move || self.run(&condition, &heartbeat))
            .map_err(JoinError::Thread)
    }

    /// Reads until the stop. A reading that breaks is begun again at the end: replies in between
    /// are lost, and those who wait for them are answered 202.
    fn run(&self, condition: &Condition, heartbeat: &Heartbeat) {
        while !self.desk.stop.is_cancelled() {
            heartbeat.beat();
            if let Err(error) = self.read(condition, heartbeat) {
                condition.set_unready(format!("{}: {error}", self.partition));
                // Parked for a bounded time: nobody unparks this thread.
                thread::park_timeout(AGAIN_PAUSE);
            }
        }
    }

    fn read(&self, condition: &Condition, heartbeat: &Heartbeat) -> Result<(), Broken> {
        let Desk { connection, client_id, stop, .. } = &self.desk;
        let mut reader = LogReader::open(connection, client_id)?;
        let end = reader.watermarks(&self.partition)?.high;
        reader.start(&self.partition, end)?;
        condition.set_ready();
        while !stop.is_cancelled() {
            heartbeat.beat();
            if let Some(record) = poll(&mut reader)? {
                self.take(&record);
            }
        }
        Ok(())
    }

    fn take(&self, record: &Record) {
        let reply = Reply::from_single_object(record.value().unwrap_or_default());
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => {
                tracing::error!(partition = %record.partition, offset = record.offset, %error,
                    "A record of the replies topic is no reply.");
                metrics::reply_ignored("unreadable");
                return;
            }
        };
        if let Some(shard) = source(record) {
            let progress = Progress {
                decided_offset: reply.decided_offset,
                now: reply.now,
                dedup_entries: reply.dedup_entries,
            };
            self.desk.shards.progressed(shard, progress, Instant::now());
        }
        match self.desk.waiting.deliver(reply) {
            Delivery::Delivered => {}
            Delivery::Foreign => metrics::reply_ignored("foreign"),
            Delivery::Late => metrics::reply_ignored("late"),
            Delivery::Mismatched => {
                tracing::error!(partition = %record.partition, offset = record.offset,
                    "A reply names another command than the one that waits for it.");
                metrics::reply_ignored("mismatched");
            }
        }
    }
}

fn poll(reader: &mut LogReader) -> Result<Option<Record>, ReadError> {
    match reader.poll(SLICE) {
        // The brokers did not answer a question of the library's own; it goes on by itself.
        Err(ReadError::Unanswered { .. }) => Ok(None),
        polled => polled,
    }
}

/// The shard that wrote a reply.
fn source(record: &Record) -> Option<ShardId> {
    let text = std::str::from_utf8(record.header(ORIGIN)?).ok()?;
    Some(text.parse::<Origin>().ok()?.shard)
}
