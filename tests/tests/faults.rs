//! The system keeps its promises while its processes and brokers fail.
//!
//! The short form runs in CI. The long form is the same with more time or other seeds:
//!
//! ```text
//! cargo build --workspace --bins
//! SPILLWAY_FAULT_SECONDS=3600 SPILLWAY_SEED=7 cargo test --workspace --test faults nothing_that -- --nocapture
//! ```

use std::{env, time::Duration};

use anyhow::Context as _;
use spillway_tests::faults::Trial;

/// How long new faults are begun, when nothing else is asked for.
const SECONDS: u64 = 45;
const SEED: u64 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_client_was_told_is_wrong_after_faults_under_load() -> anyhow::Result<()> {
    let seed = number("SPILLWAY_SEED", SEED)?;
    let faults_for = Duration::from_secs(number("SPILLWAY_FAULT_SECONDS", SECONDS)?);
    // A test that hangs or panics says which seed it was, too.
    eprintln!("seed {seed}, faults for {faults_for:?}");
    let summary = Trial { seed, faults_for }.run().await?;
    eprintln!("{summary}");
    assert!(summary.commands > 0 && summary.refused > 0, "{summary}");
    assert!(summary.harmed.values().all(|count| *count > 0), "{summary}");
    assert!(summary.ways.len() == 3 && summary.conditional > 0, "{summary}");
    assert!(summary.takeovers > 0 && summary.from_snapshots > 0, "{summary}");
    Ok(())
}

/// A number from the environment.
fn number(name: &str, default: u64) -> anyhow::Result<u64> {
    match env::var(name) {
        Ok(text) => text.parse().with_context(|| format!("{name} is no number: {text:?}")),
        Err(_) => Ok(default),
    }
}
