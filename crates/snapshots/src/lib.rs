//! Where snapshots of shards are kept: a folder, or a bucket named by a URL.
//!
//! The rules (which snapshot may be published, begun with or removed) are `shard::snapshot`, which
//! does no I/O; this crate is the only one that names the object store.

mod library;
mod location;
mod publish;
mod search;

pub use library::{Library, StoreError};
pub use location::BadLocation;
pub use publish::{PublishError, Published};
pub use search::Found;
