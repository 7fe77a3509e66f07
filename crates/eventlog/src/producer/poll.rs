//! The poll thread: runs the callbacks, watches for silence, and outlives the producer to drop it.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rdkafka::producer::{BaseProducer, Producer};

use super::{
    delivery::Deliveries,
    doubt::{SILENCE_MAX, Silence},
    report::Report,
    shared::Shared,
};

/// Length of one poll. Reports are passed on as they come, not at its end; only the watch for
/// silence and the end of the thread wait for it.
const SLICE: Duration = Duration::from_millis(100);

/// Bound on the question whether a partition has a leader.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

type Native = Arc<BaseProducer<Deliveries>>;

pub(super) fn spawn(native: Native, shared: Arc<Shared>) -> io::Result<()> {
    // Not joined: its end may take the library's time to close connections, and nobody waits for it.
    thread::Builder::new()
        .name("producer-poll".to_owned())
        .spawn(move || run(&native, &shared))
        .map(drop)
}

fn run(native: &Native, shared: &Shared) {
    let _guard = Guard(native);
    let mut silence = Silence::default();
    let mut is_told = false;
    while !shared.is_abandoned() {
        let start = Instant::now();
        native.poll(SLICE);
        // A process that was stopped in the middle has polled for a slice, not for an hour.
        let polled = start.elapsed().min(2 * SLICE);
        if let Some((code, reason)) = native.client().fatal_error() {
            native.context().fail(&format!("{code}: {reason}"));
        }
        if let Some(polled) = silence.observe(polled, shared.unreported(), shared.reported()) {
            native.context().report(Report::Stalled { polled });
        }
        for (topic, partition) in shared.too_long_waiting(polled) {
            // A partition without a leader is waited for.
            let log = native.client().fetch_watermarks(&topic, partition, LOOK_TIMEOUT);
            if log.is_ok() && !std::mem::replace(&mut is_told, true) {
                tracing::error!(topic, partition, "A partition's leader acknowledges nothing.");
                native.context().report(Report::Stalled { polled: SILENCE_MAX });
            }
        }
    }
    // The last handle goes here. The library then purges what is left, newest records first, each
    // partition as a whole: the log keeps a gapless prefix, and this producer sends nothing more.
}

/// A poll thread that ends early would look like a quiet producer for a minute.
struct Guard<'a>(&'a Native);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.context().fail("the poll thread has ended");
    }
}
