//! What is kept beside the logs: every snapshot is the shard as the reference run has it there, and
//! the group remembers that everything is out.

use shard::owner::Commit;

use crate::{Violation, node::offset, reference::Reference, world::World};

pub(super) fn check(world: &World, reference: &Reference) -> Result<(), Violation> {
    for (name, bytes) in &world.library.written {
        if reference.snapshots.get(name) != Some(bytes) {
            return Err(Violation(format!("{name} is not the shard at its offset")));
        }
    }
    for (shard, state) in &reference.states {
        let committed = world.group.committed.get(shard);
        let commit = committed.and_then(|c| Commit::read(c.offset, &c.metadata).ok());
        let is_right = commit.as_ref().is_some_and(|commit| {
            commit.offset == state.next_offset() && commit.chain == state.chain()
        });
        if !is_right {
            let end = offset(world.broker.commands(*shard).visible().len());
            let at = committed.map(|committed| committed.offset);
            return Err(Violation(format!("{shard} ends at {end}, and the commit is {at:?}")));
        }
    }
    Ok(())
}
