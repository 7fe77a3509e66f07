//! Clients that ask, wait for the answer, and ask again.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

use futures::future::try_join_all;

use super::{Answers, Connection, Stretch, Verdict, ask};

/// How long a client waits before it asks again when it was refused as one too many.
const AGAIN: Duration = Duration::from_millis(50);

pub(super) async fn run(stretch: &Stretch, clients: NonZeroU32) -> anyhow::Result<Answers> {
    let opened = (0..clients.get()).map(|_| Connection::open(&stretch.address));
    let connections = try_join_all(opened).await?;
    let began = Instant::now();
    let until = began + stretch.lasts;
    let clients = connections.into_iter().map(|connection| client(stretch, connection, until));
    let mut all = Answers::none()?;
    for answers in try_join_all(clients).await? {
        all.add(&answers)?;
    }
    all.took = began.elapsed();
    Ok(all)
}

async fn client(
    stretch: &Stretch,
    mut connection: Connection,
    until: Instant,
) -> anyhow::Result<Answers> {
    let mut answers = Answers::none()?;
    while Instant::now() < until {
        let began = Instant::now();
        let verdict = ask(stretch, &mut connection, &mut answers).await?;
        if verdict.is_answer() {
            answers.record(began.elapsed());
        }
        // A hint is worth as much as a refusal of the log, but nobody asks on at once.
        if matches!(verdict, Verdict::Busy | Verdict::Hint) {
            tokio::time::sleep(AGAIN).await;
        }
    }
    Ok(answers)
}
