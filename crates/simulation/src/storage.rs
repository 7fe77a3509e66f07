//! What happens to stored snapshots and to old commands: publication, damage, removal, archiving.

use events::{ShardId, Topic};
use shard::{
    owner::Commit,
    processor::Committed,
    snapshot::{self, Log, Name, Snapshot, Standing, Want},
};

use crate::{
    Violation,
    library::{self, Published},
    network::Message,
    node::offset,
    taker::{RETENTION, offsets},
    world::World,
};

impl World {
    /// Sends a snapshot on its way to its place.
    pub(crate) fn send_snapshot(&mut self, snapshot: Snapshot) {
        let is_late = self.random.chance(self.faults.snapshot_late);
        let delay = self.random.between(0, if is_late { 5_000 } else { 10 });
        self.network.send(self.now + delay, Message::Publish(snapshot));
    }

    /// A snapshot arrives, whatever has become of its writer. Then old ones go.
    pub(crate) fn publish(&mut self, snapshot: &Snapshot) -> Result<(), Violation> {
        if self.random.chance(self.faults.snapshot_torn) {
            self.library.tear(snapshot, self.now, &mut self.random);
            self.tally.torn_snapshots += 1;
            return Ok(());
        }
        match self.library.publish(snapshot, self.now) {
            Published::Written => self.tally.snapshots += 1,
            Published::Taken(Standing::Same) => self.tally.repeated_snapshots += 1,
            Published::Taken(Standing::Unusable) => return Ok(()),
            Published::Taken(Standing::Other) => {
                return Err(Self::violation(format!("{} holds another state", snapshot.name)));
            }
        }
        if self.random.chance(self.faults.snapshot_unremoved) {
            return Ok(());
        }
        let kept = self.library.kept(snapshot.name.shard);
        for name in snapshot::removable(&kept, snapshot.name, self.now, &RETENTION) {
            self.library.remove(name);
        }
        Ok(())
    }

    /// A kept snapshot is no longer what was written.
    pub(crate) fn damage_snapshot(&mut self) {
        let names = self.library.names();
        let Some(name) = self.random.pick(&names) else { return };
        let low = offset(self.broker.commands(name.shard).low());
        if self.library.damage(name, low, &mut self.random) {
            self.tally.damaged_snapshots += 1;
        }
    }

    /// The topic's predecessor has left a snapshot.
    pub(crate) fn put_foreign_snapshot(&mut self) {
        let Some(shard) = self.any_shard() else { return };
        let end = self.broker.commands(shard).visible().len();
        let next_offset = offset(2 + self.random.below(end + 10));
        let state = library::foreign(shard, next_offset);
        self.library.put_foreign(Name { shard, next_offset }, &state, self.now);
    }

    /// An operator deletes old commands below the safe bound, or some of them.
    pub(crate) fn archive(&mut self) {
        let Some(shard) = self.any_shard() else { return };
        let committed = self.group.committed.get(&shard);
        let commit = committed.and_then(|c| Commit::read(c.offset, &c.metadata).ok());
        let Some(commit) = commit else { return };
        let offsets = offsets(&self.broker, shard);
        let log = Log { shard, offsets, stream_id: Some(commit.stream_id) };
        let oldest = self.library.find(&log, Want::Oldest, None).state;
        let oldest = oldest.map(|state| state.next_offset());
        // A verification has just covered everything that is out.
        let verified = commit.offset;
        let safe = snapshot::expendable_below(offsets.low, commit.offset, verified, oldest);
        let until = self.random.between(offsets.low, safe);
        self.tally.archived += until.abs_diff(offsets.low);
        let until = usize::try_from(until).unwrap_or(0);
        self.broker.log_mut((Topic::Commands(shard.kind), shard.partition)).delete_before(until);
    }

    pub(crate) fn forget_commit(&mut self) {
        if let Some(shard) = self.any_shard() {
            self.group.committed.remove(&shard);
        }
    }

    /// Somebody moves the group's offset, forwards or back.
    pub(crate) fn commit_foreign(&mut self) {
        let Some(shard) = self.any_shard() else { return };
        let end = self.broker.commands(shard).visible().len();
        let offset = offset(self.random.below(end + 1));
        self.group.committed.insert(shard, Committed { offset, metadata: String::new() });
    }

    fn any_shard(&mut self) -> Option<ShardId> {
        let shards = self.broker.shards();
        self.random.pick(&shards)
    }
}
