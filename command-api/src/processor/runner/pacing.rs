//! Reading is held back while outputs wait for room: polling goes on and brings no records.

use eventlog::{Member, Partition, ReadError};

/// Partitions that are read, each by itself.
pub(super) trait Reading {
    fn is_started(&self, partition: &Partition) -> bool;
    /// Starts a partition at an offset, from wherever it was, and not paused.
    fn restart(&mut self, partition: &Partition, offset: i64) -> Result<(), ReadError>;
    fn pause(&mut self, partition: &Partition) -> Result<(), ReadError>;
    fn resume(&mut self, partition: &Partition) -> Result<(), ReadError>;
}

/// Whether the started partitions are held back: always all of them, or none.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    is_paused: bool,
}

impl Pacing {
    /// Starts a partition whose shard was restored, held back like those that are read already.
    pub(super) fn restart(
        &self,
        reading: &mut impl Reading,
        partition: &Partition,
        offset: i64,
    ) -> Result<(), ReadError> {
        reading.restart(partition, offset)?;
        match self.is_paused {
            true => reading.pause(partition),
            false => Ok(()),
        }
    }

    /// Whether reading is held back now.
    pub(super) fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Holds all started partitions back while outputs wait, and lets go of them afterwards.
    pub(super) fn follow<'a>(
        &mut self,
        reading: &mut impl Reading,
        partitions: impl Iterator<Item = &'a Partition>,
        is_congested: bool,
    ) {
        if is_congested == self.is_paused {
            return;
        }
        for partition in partitions {
            // What is not started yet, or has stopped, needs no pacing.
            if !reading.is_started(partition) {
                continue;
            }
            let changed = match is_congested {
                true => reading.pause(partition),
                false => reading.resume(partition),
            };
            if let Err(error) = changed {
                tracing::warn!(%error, "A shard's reading could not be paced.");
            }
        }
        self.is_paused = is_congested;
    }
}

impl Reading for Member {
    fn is_started(&self, partition: &Partition) -> bool {
        self.next(partition).is_some()
    }

    fn restart(&mut self, partition: &Partition, offset: i64) -> Result<(), ReadError> {
        Member::restart(self, partition, offset)
    }

    fn pause(&mut self, partition: &Partition) -> Result<(), ReadError> {
        Member::pause(self, partition)
    }

    fn resume(&mut self, partition: &Partition) -> Result<(), ReadError> {
        Member::resume(self, partition)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Number of a started partition, and whether it is paused.
    #[derive(Default)]
    struct Started(BTreeMap<i32, bool>);

    impl Reading for Started {
        fn is_started(&self, partition: &Partition) -> bool {
            self.0.contains_key(&partition.number)
        }

        fn restart(&mut self, partition: &Partition, _: i64) -> Result<(), ReadError> {
            self.0.insert(partition.number, false);
            Ok(())
        }

        fn pause(&mut self, partition: &Partition) -> Result<(), ReadError> {
            self.0.insert(partition.number, true);
            Ok(())
        }

        fn resume(&mut self, partition: &Partition) -> Result<(), ReadError> {
            self.0.insert(partition.number, false);
            Ok(())
        }
    }

    #[test]
    fn a_shard_that_is_restored_while_outputs_wait_keeps_no_other_one_back() {
        let all = [Partition::new("commands", 0), Partition::new("commands", 1)];
        let (mut reading, mut pacing) = (Started::default(), Pacing::default());
        pacing.restart(&mut reading, &all[0], 7).unwrap();
        pacing.follow(&mut reading, all.iter(), true);
        assert_eq!(reading.0, [(0, true)].into(), "the other one is not started");
        pacing.restart(&mut reading, &all[1], 0).unwrap();
        assert_eq!(reading.0, [(0, true), (1, true)].into(), "it waits like the first");
        pacing.follow(&mut reading, all.iter(), true);
        pacing.follow(&mut reading, all.iter(), false);
        assert_eq!(reading.0, [(0, false), (1, false)].into());
        pacing.follow(&mut reading, all.iter(), true);
        assert_eq!(reading.0, [(0, true), (1, true)].into());
    }
}
