//! Every consumer saw exactly what the reference run wrote, and every owner knows what it knows.

use std::collections::{BTreeMap, BTreeSet};

use events::Topic;

use crate::{Violation, broker::Stored, reference::Reference, world::World};

pub(super) fn check(world: &World, reference: &Reference) -> Result<(), Violation> {
    let mut seen: BTreeMap<_, &[Stored]> = BTreeMap::new();
    for (partition, reader) in &world.readers {
        for (source, applied) in &reader.applied {
            seen.insert((*partition, *source), applied);
        }
        let is_told = reader.gaps > 0;
        let may_be_cut = world.cut.contains_key(partition);
        if is_told && !may_be_cut && !matches!(partition.0, Topic::Commands(_)) {
            return Err(Violation(format!("a reader of {partition:?} met a gap")));
        }
    }
    let links: BTreeSet<_> = seen.keys().chain(reference.outputs.keys()).copied().collect();
    for link in links {
        let seen = seen.get(&link).copied().unwrap_or_default();
        let written = reference.outputs.get(&link).map_or(&[][..], Vec::as_slice);
        same(seen, written).map_err(|difference| {
            let ((topic, partition), source) = link;
            Violation(format!("{topic}/{partition} from {source}: {difference}"))
        })?;
    }
    for (shard, state) in &reference.states {
        let owners = world.nodes.iter().flatten().flat_map(|node| node.processor.owners());
        let own: Vec<_> = owners.filter(|owner| owner.shard() == *shard).collect();
        if own.len() != 1 || own[0].state() != state {
            return Err(Violation(format!("the owner of {shard} knows something else")));
        }
    }
    Ok(())
}

fn same(seen: &[Stored], written: &[Stored]) -> Result<(), String> {
    if let Some(index) = (0..seen.len().min(written.len())).find(|index| {
        let (seen, written) = (&seen[*index], &written[*index]);
        (&seen.key, &seen.value, &seen.headers) != (&written.key, &written.value, &written.headers)
    }) {
        return Err(format!("record {} is not what the log says", index + 1));
    }
    if seen.len() != written.len() {
        return Err(format!("{} records were seen, {} written", seen.len(), written.len()));
    }
    Ok(())
}
