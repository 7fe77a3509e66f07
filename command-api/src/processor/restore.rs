//! Where a shard's owner begins (PROTOCOL 7): from the start of the log, silent up to the commit.

use eventlog::{Committed, Partition, Watermarks};
use events::ShardId;
use shard::{
    Halt, State,
    owner::{Commit, Owner},
};

/// Why a shard cannot be restored from its log.
#[derive(Debug, thiserror::Error)]
pub(super) enum Impossible {
    #[error(
        "{partition} begins at offset {low}, and no snapshot reaches back to the start: restore \
         the deleted commands"
    )]
    Truncated { partition: Partition, low: i64 },
    #[error(
        "{partition} ends at offset {high}, but offset {committed} was committed: the log lost its \
         end or was made anew"
    )]
    Shortened { partition: Partition, high: i64, committed: i64 },
    #[error(transparent)]
    Halt(#[from] Halt),
}

/// A new owner, which is to be fed from `State::next_offset` on.
pub(super) fn owner(
    partition: &Partition,
    shard: ShardId,
    watermarks: Watermarks,
    committed: Option<Committed>,
) -> Result<Owner, Impossible> {
    if watermarks.low > 0 {
        return Err(Impossible::Truncated { partition: partition.clone(), low: watermarks.low });
    }
    let commit = committed.and_then(|committed| trusted(partition, &committed));
    if let Some(commit) = &commit
        && commit.offset > watermarks.high
    {
        return Err(Impossible::Shortened {
            partition: partition.clone(),
            high: watermarks.high,
            committed: commit.offset,
        });
    }
    Ok(Owner::new(State::new(shard), commit)?)
}

/// A commit that one of our owners wrote. Any other says nothing about what is out: the owner then
/// sends everything again, which readers skip.
fn trusted(partition: &Partition, committed: &Committed) -> Option<Commit> {
    match Commit::read(committed.offset, &committed.metadata) {
        Ok(commit) => Some(commit),
        Err(error) => {
            tracing::warn!(
                %partition,
                offset = committed.offset,
                %error,
                "A committed offset was not written by a processor; all outputs are sent again."
            );
            None
        }
    }
}
