//! Deleting old records: an operator's verb, and never a step of a running process.

use crate::{AdminError, Connection, Partition, admin::Admin};

/// Deletes, for ever, the records before an offset of each partition. What may go is the caller's to
/// know (PROTOCOL 27). Doing it twice does nothing the second time.
///
/// # Errors
/// After an error some partitions may have lost their old records and others not.
pub async fn delete_before(
    connection: &Connection,
    offsets: &[(Partition, i64)],
) -> Result<(), AdminError> {
    if offsets.is_empty() {
        return Ok(());
    }
    Admin::connect(connection)?.delete_before(offsets).await
}
