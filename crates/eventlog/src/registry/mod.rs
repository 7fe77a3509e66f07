//! The schema registry: registering our events, asking for their ids, reading others' schemas.

mod client;
mod compatibility;
mod offline;
mod schemas;
mod subject;

pub use client::{Registry, RegistryError};
pub use compatibility::CompatibilityError;
pub use offline::{Incompatible, OfflineError, incompatibilities};
pub use schemas::{SchemaReader, WriterSchema};
pub use subject::{SchemaIds, subject_of};
