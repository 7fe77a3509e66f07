//! Waiting for a level, with a deadline and never for a time.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a loaded machine, a takeover and a pause of a minute included.
pub const WITHIN: Duration = Duration::from_secs(180);

/// Between two looks: short against whatever is waited for.
const POLL: Duration = Duration::from_millis(25);

/// Looks again and again until the look succeeds; its error says why not yet.
///
/// # Errors
/// `what` did not come within [`WITHIN`]; the last look's error is the cause.
pub async fn until<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + WITHIN;
    loop {
        match look().await {
            Ok(seen) => return Ok(seen),
            Err(not_yet) if Instant::now() >= deadline => {
                return Err(not_yet).with_context(|| format!("waited {WITHIN:?} until {what}"));
            }
            Err(_) => sleep(POLL).await,
        }
    }
}
