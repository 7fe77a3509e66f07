//! Finds the snapshot to begin with.

use shard::{
    State,
    snapshot::{self, Log, Name, Want},
};
use tokio::task;

use crate::{Library, StoreError};

/// A snapshot to begin with.
#[derive(Debug)]
pub struct Found {
    pub name: Name,
    pub state: State,
    /// Size of the object.
    pub bytes: usize,
}

impl Library {
    /// The most wanted snapshot that the log can go on from. What is torn, foreign or of an unknown
    /// version is passed over with a warning.
    ///
    /// # Errors
    /// The place does not answer. That is not the same as having nothing: ask again.
    pub async fn find(&self, log: &Log, want: Want) -> Result<Option<Found>, StoreError> {
        let kept = self.list(log.shard).await?;
        for name in snapshot::candidates(kept.iter().map(|kept| kept.name), log, want) {
            let Some(bytes) = self.get(name).await? else { continue };
            let (size, log) = (bytes.len(), log.clone());
            // Decoding a million orders takes a while and must not hold up other tasks.
            let read = task::spawn_blocking(move || snapshot::read(name, &bytes, &log)).await;
            match read {
                Ok(Ok(state)) => return Ok(Some(Found { name, state, bytes: size })),
                Ok(Err(unfit)) => {
                    tracing::warn!(%name, %unfit, "A snapshot is passed over.");
                }
                Err(panicked) => {
                    tracing::warn!(%name, %panicked, "A snapshot is passed over.");
                }
            }
        }
        Ok(None)
    }
}
