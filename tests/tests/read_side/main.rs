//! The read side on the whole running system: every read model is rebuilt and switched under load
//! while clients read their own writes and listen to them, and everything that reads depend on goes
//! away in turn.

mod outages;
mod readers;
mod streams;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use anyhow::ensure;
use futures::future::try_join_all;
use readers::Reader;
use spillway_tests::{System, SystemOptions, until};

/// Clients at the same time, each with a product of its own.
const CLIENTS: usize = 3;
/// Rounds of all clients together between two switches, at least.
const ROUNDS: usize = 2 * CLIENTS;
const PROJECTIONS: [&str; 5] = ["orders", "products", "outcomes", "customers", "sales"];

/// Longer than a busy machine needs to answer; and a request that PostgreSQL's absence fails is told
/// so after the first, or after a little more than it.
const READING: [(&str, &str); 2] =
    [("DATABASE_ACQUIRE_MS", "10000"), ("DATABASE_STATEMENT_MS", "30000")];

#[tokio::test]
async fn the_read_side_is_rebuilt_while_it_serves_and_outlives_what_it_needs() -> anyhow::Result<()>
{
    let query_api_env = READING.map(|(name, value)| (name, value.to_owned())).into();
    let options = SystemOptions { query_api_env, ..SystemOptions::default() };
    let system = System::start(options).await?;
    every_projection_is_rebuilt_while_clients_read_their_writes(&system).await?;
    outages::postgresql_costs_reads_and_no_write(&system).await?;
    outages::redis_costs_nothing(&system).await?;
    outages::the_registry_costs_only_new_readers(&system).await?;
    system.settle().await?;
    let _ = system.tool.verify().await?.is_ok();
    system.stop().await
}

async fn every_projection_is_rebuilt_while_clients_read_their_writes(
    system: &System,
) -> anyhow::Result<()> {
    let (stop, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut clients = Vec::new();
    for n in 0..CLIENTS {
        clients.push(Reader::start(system.client()?.patient(), n).await?);
    }
    let reading = try_join_all(clients.into_iter().map(|reader| reader.run(&stop, &rounds)));
    let switching = async {
        switch_all(system, &rounds).await?;
        stop.store(true, Relaxed);
        Ok(())
    };
    tokio::try_join!(switching, reading)?;
    Ok(())
}

async fn switch_all(system: &System, rounds: &AtomicUsize) -> anyhow::Result<()> {
    go_on(rounds).await?;
    for name in PROJECTIONS {
        for (back, goal, before) in [(None, 2, 1), (Some("--back"), 1, 2)] {
            let args: Vec<&str> = ["rebuild", name, "--yes"].into_iter().chain(back).collect();
            let report = system.tool.done(&args).await?;
            assert_eq!(report["is_switched"], true, "{report:#}");
            assert_eq!(report["generation"], goal, "{report:#}");
            assert_eq!(report["live_before"], before, "{report:#}");
            go_on(rounds).await?;
            if name == PROJECTIONS[0] {
                // Streams stay open over the projector too, whichever build is live.
                system.projectors[0].kill().await?;
                system.projectors[0].start().await?;
                go_on(rounds).await?;
            }
        }
    }
    Ok(())
}

/// Waits until the clients have gone on for a while.
async fn go_on(rounds: &AtomicUsize) -> anyhow::Result<()> {
    let goal = rounds.load(Relaxed) + ROUNDS;
    until("clients go on", async || {
        let done = rounds.load(Relaxed);
        ensure!(done >= goal, "{done} of {goal} rounds");
        Ok(())
    })
    .await
}
