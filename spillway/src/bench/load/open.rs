//! Requests at a fixed rate. A thread keeps the clock and hands out moments; whoever of the connections
//! is free takes the next one. A request that is late because others were slow has waited all the
//! same: its time counts from its moment (no coordinated omission).

use std::{
    num::NonZeroU32,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use futures::future::try_join_all;
use tokio::sync::{Mutex, mpsc};

use super::{Answers, Connection, Stretch, ask};

/// How long after the last moment requests are still sent, at least.
const BEHIND_MIN: Duration = Duration::from_secs(2);

/// The moments that are due, for all connections.
type Due = Mutex<mpsc::UnboundedReceiver<Instant>>;

pub(super) async fn run(stretch: &Stretch, per_second: NonZeroU32) -> anyhow::Result<Answers> {
    let opened = (0..stretch.connections.get()).map(|_| Connection::open(&stretch.address));
    let connections = try_join_all(opened).await?;
    let (hand_out, due) = mpsc::unbounded_channel();
    let due = Due::new(due);
    let began = Instant::now();
    let lasts = stretch.lasts;
    let clock = thread::Builder::new().name("bench-clock".to_owned());
    let clock = clock.spawn(move || keep(began, per_second, lasts, &hand_out));
    clock.context("no thread for the clock")?;
    let gives_up = began + lasts + lasts.max(BEHIND_MIN);
    let senders = connections.into_iter().map(|c| sender(stretch, c, &due, gives_up));
    let mut all = Answers::none()?;
    for answers in try_join_all(senders).await? {
        all.add(&answers)?;
    }
    all.took = began.elapsed();
    Ok(all)
}

/// Hands out every moment when it is there; ends when nobody takes them any more.
fn keep(
    began: Instant,
    per_second: NonZeroU32,
    lasts: Duration,
    hand_out: &mpsc::UnboundedSender<Instant>,
) {
    for n in 0_u32.. {
        // Multiplied first, so that no error adds up.
        let after = Duration::from_secs(1) * n / per_second.get();
        if after >= lasts {
            return;
        }
        let moment = began + after;
        // The timer of the runtime counts whole milliseconds; that of a thread does not.
        #[expect(clippy::disallowed_methods, reason = "a moment is what is waited for")]
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        if hand_out.send(moment).is_err() {
            return;
        }
    }
}

async fn sender(
    stretch: &Stretch,
    mut connection: Connection,
    due: &Due,
    gives_up: Instant,
) -> anyhow::Result<Answers> {
    let mut answers = Answers::none()?;
    loop {
        let next = due.lock().await.recv().await;
        let Some(moment) = next else { return Ok(answers) };
        if Instant::now() > gives_up {
            answers.unsent += 1;
            answers.record(moment.elapsed());
        } else if ask(stretch, &mut connection, &mut answers).await?.is_answer() {
            answers.record(moment.elapsed());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_hands_out_every_moment_and_never_an_early_one() {
        let (hand_out, mut due) = mpsc::unbounded_channel();
        let began = Instant::now();
        keep(began, NonZeroU32::new(300).unwrap(), Duration::from_millis(100), &hand_out);
        assert!(began.elapsed() >= Duration::from_micros(96_666));
        let moments: Vec<Instant> = std::iter::from_fn(|| due.try_recv().ok()).collect();
        assert_eq!(moments.len(), 30);
        assert_eq!(moments[3], began + Duration::from_millis(10));
    }
}
