//! What a step writes.

use events::{Topic, header::Headers};

/// A record that a step writes; the same step always gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    pub topic: Topic,
    pub partition: i32,
    pub key: Option<String>,
    /// An Avro single object, or for an event the bare datum.
    pub value: Vec<u8>,
    /// Full record name of an event: whoever sends it puts the registry's five bytes in front,
    /// which differ between registries and so belong to no proof.
    pub event: Option<&'static str>,
    pub headers: Headers,
}
