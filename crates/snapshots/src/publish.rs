//! Puts a snapshot under its name, once.

use object_store::{ObjectStore as _, PutMode, PutOptions, PutPayload};
use shard::snapshot::{Name, Snapshot, Standing, standing};

use crate::{Library, StoreError};

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    Written,
    /// Another instance was first, with the same bytes.
    AlreadyThere,
    /// What lies there is torn, of another format, or of another log; it is passed over by whoever
    /// reads it.
    Unusable,
}

/// Why a snapshot was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two opinions about one log: an alarm.
    #[error(
        "{name} holds another state than the one recomputed here: the log was changed, or two \
         binaries decide differently; run `spillway verify`"
    )]
    Conflict { name: Name },
}

impl Library {
    /// Writes a snapshot, unless its name is taken.
    ///
    /// # Errors
    /// The place does not answer, or the name holds another state.
    pub async fn publish(&self, snapshot: &Snapshot) -> Result<Published, PublishError> {
        let path = self.path(&snapshot.name.to_string());
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let payload = PutPayload::from(snapshot.bytes.clone());
        match self.store.put_opts(&path, payload, options).await {
            Ok(_) => Ok(Published::Written),
            Err(object_store::Error::AlreadyExists { .. }) => self.compare(snapshot).await,
            Err(source) => Err(self.error(source).into()),
        }
    }

    async fn compare(&self, snapshot: &Snapshot) -> Result<Published, PublishError> {
        let found = self.get(snapshot.name).await?.unwrap_or_default();
        match standing(&found, snapshot) {
            Standing::Same => Ok(Published::AlreadyThere),
            Standing::Unusable => Ok(Published::Unusable),
            Standing::Other => Err(PublishError::Conflict { name: snapshot.name }),
        }
    }
}
