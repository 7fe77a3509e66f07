//! The gauges of what waits as dead letters, counted in PostgreSQL now and then.
//!
//! Every instance tells the same number, because the letters belong to none of them.

use std::time::Duration;

use metrics::gauge;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::{
    letters::find::{Waiting, waiting},
    measure::{LETTERS_AGE, LETTERS_WAITING, PARKED_KEYS_WAITING},
};

/// Time between two counts.
const PERIOD: Duration = Duration::from_secs(5);

/// Keeps the gauges until the stop. While PostgreSQL does not answer they stay as they are.
pub(crate) async fn keep(pool: PgPool, stop: CancellationToken) {
    let mut every = tokio::time::interval(PERIOD);
    let mut before = Waiting::default();
    while stop.run_until_cancelled(every.tick()).await.is_some() {
        match stop.run_until_cancelled(waiting(&pool)).await {
            Some(Ok(now)) => {
                publish(&before, &now);
                before = now;
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "The dead letters could not be counted.");
            }
            None => return,
        }
    }
}

/// Sets what is there now, and to nothing what was there before.
#[allow(clippy::cast_precision_loss, reason = "counts are far below the 2^53 of a float")]
fn publish(before: &Waiting, now: &Waiting) {
    for labels in before.letters.keys().chain(now.letters.keys()) {
        let count = now.letters.get(labels).copied().unwrap_or(0);
        let (projection, class) = labels.clone();
        gauge!(LETTERS_WAITING, "projection" => projection, "class" => class).set(count as f64);
    }
    for projection in before.keys.keys().chain(now.keys.keys()) {
        let count = now.keys.get(projection).copied().unwrap_or(0);
        gauge!(PARKED_KEYS_WAITING, "projection" => projection.clone()).set(count as f64);
    }
    for projection in before.ages.keys().chain(now.ages.keys()) {
        let age = now.ages.get(projection).copied().unwrap_or(0.0);
        gauge!(LETTERS_AGE, "projection" => projection.clone()).set(age);
    }
}
