//! Puts a snapshot under its name, once.

use object_store::{ObjectStore as _, PutMode, PutOptions, PutPayload};
use shard::format;
use shard::snapshot::{Name, Snapshot};

use crate::{Library, StoreError};

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    Written,
    /// Another instance was first, with the same bytes.
    AlreadyThere,
    /// What lies there is torn, or of another format; it is passed over by whoever reads it.
    Unreadable,
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
        if found == snapshot.bytes {
            return Ok(Published::AlreadyThere);
        }
        match format::decode(&found) {
            Ok(_) => Err(PublishError::Conflict { name: snapshot.name }),
            Err(_) => Ok(Published::Unreadable),
        }
    }
}
