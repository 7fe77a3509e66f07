//! From assigned to reading: the search for a snapshot, and the start behind it.

use std::time::Instant;

use eventlog::{Partition, ReadError};
use events::ShardId;
use shard::{
    processor::{self, Offsets},
    snapshot::Log,
};

use super::{
    super::{restores::Beginning, snapshots::SearchError},
    RETRY, Runner,
};

impl Runner {
    /// Restores what waits for it; brokers that do not answer are asked again later.
    pub(super) fn restore(&mut self) {
        if self.retry_at > Instant::now() {
            return;
        }
        if let Err(error) = self.restore_now() {
            tracing::warn!(%error, "Shards cannot be restored yet.");
            self.retry_at = Instant::now() + RETRY;
        }
    }

    fn restore_now(&mut self) -> Result<(), ReadError> {
        self.search()?;
        for (shard, beginning, found) in self.restores.found() {
            let Some(partition) = self.partitions.get(&shard).cloned() else { continue };
            let snapshot = match found {
                Ok(found) => found,
                Err(SearchError::Impossible(impossible)) => {
                    self.processor.refuse(shard, &impossible);
                    self.halted(shard, &impossible.to_string());
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%shard, %error, "A shard cannot be restored yet.");
                    self.retry_at = Instant::now() + RETRY;
                    continue;
                }
            };
            if let Some(snapshot) = &snapshot {
                tracing::info!(name = %snapshot.name, "A shard is restored from a snapshot.");
            }
            let Beginning { offsets, committed } = beginning;
            let state = snapshot.map(|snapshot| snapshot.state);
            match self.processor.restore_from(shard, offsets, committed.as_ref(), state) {
                Ok(start) => {
                    let restarted = self.pacing.restart(&mut self.member, &partition, start);
                    if let Err(error) = restarted {
                        // An owner that nobody feeds would look alive for ever.
                        self.processor.assigned([shard]);
                        return Err(error);
                    }
                }
                Err(impossible) => self.halted(shard, &impossible.to_string()),
            }
        }
        Ok(())
    }

    /// Begins to look for the snapshots of the shards that wait for it.
    fn search(&mut self) -> Result<(), ReadError> {
        let waiting: Vec<(ShardId, Partition)> = self
            .processor
            .unrestored()
            .into_iter()
            .filter(|shard| !self.restores.is_searching(*shard))
            .filter_map(|shard| Some((shard, self.partitions.get(&shard)?.clone())))
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let partitions: Vec<Partition> = waiting.iter().map(|(_, p)| p.clone()).collect();
        let committed = self.member.committed(&partitions)?;
        for ((shard, partition), committed) in waiting.into_iter().zip(committed) {
            let watermarks = match self.member.watermarks(&partition) {
                Ok(watermarks) => watermarks,
                // A topic that is away does not hold up the shards of the other.
                Err(error) => {
                    tracing::warn!(%shard, %error, "A shard cannot be restored yet.");
                    self.retry_at = Instant::now() + RETRY;
                    continue;
                }
            };
            let offsets = Offsets { low: watermarks.low, high: watermarks.high };
            let committed =
                committed.map(|c| processor::Committed { offset: c.offset, metadata: c.metadata });
            let log = Log::of(shard, offsets, committed.as_ref());
            let answer = self.snapshots.search(log);
            self.restores.search(shard, Beginning { offsets, committed }, answer);
        }
        Ok(())
    }
}
