//! The objects of a library: listed, read and removed.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use events::ShardId;
use futures::TryStreamExt as _;
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path};
use shard::snapshot::{Kept, Name};

use crate::location::{self, BadLocation};

/// Everything that was kept of all shards.
#[derive(Clone)]
pub struct Library {
    pub(crate) store: Arc<dyn ObjectStore>,
    base: Path,
    location: Arc<str>,
}

/// The place did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[error("{location}: {source}")]
pub struct StoreError {
    location: Arc<str>,
    source: object_store::Error,
}

impl Library {
    /// Opens a folder, or a bucket by its URL.
    ///
    /// # Errors
    /// The text names no place that can be used.
    pub fn open(location: &str) -> Result<Self, BadLocation> {
        let (store, base) = location::open(location)?;
        Ok(Self { store, base, location: location.into() })
    }

    /// The place, as it was given.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The snapshots of a shard; objects with other names are none of ours.
    pub async fn list(&self, shard: ShardId) -> Result<Vec<Kept>, StoreError> {
        let folder = self.path(&shard.to_string());
        let depth = folder.parts_count();
        let objects = self.store.list(Some(&folder));
        let kept = objects.try_filter_map(async |object| {
            let file = object.location.filename().unwrap_or_default();
            let is_inside = object.location.parts_count() == depth + 1;
            let name = format!("{shard}/{file}").parse::<Name>().ok().filter(|_| is_inside);
            let written_at = object.last_modified.timestamp_millis();
            Ok(name.map(|name| Kept { name, written_at, bytes: object.size }))
        });
        kept.try_collect().await.map_err(|source| self.error(source))
    }

    /// What lies under a name; `None` when it is gone.
    pub async fn get(&self, name: Name) -> Result<Option<Bytes>, StoreError> {
        let read = async { self.store.get(&self.path(&name.to_string())).await?.bytes().await };
        match read.await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(source) => Err(self.error(source)),
        }
    }

    /// Removes a snapshot; one that is gone already is no error.
    pub async fn remove(&self, name: Name) -> Result<(), StoreError> {
        match self.store.delete(&self.path(&name.to_string())).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(self.error(source)),
        }
    }

    pub(crate) fn path(&self, name: &str) -> Path {
        self.base.parts().chain(Path::from(name).parts()).collect()
    }

    pub(crate) fn error(&self, source: object_store::Error) -> StoreError {
        StoreError { location: Arc::clone(&self.location), source }
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("location", &self.location).finish_non_exhaustive()
    }
}
