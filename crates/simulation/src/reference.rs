//! The sequential reference run: every shard's actual log, stepped once, by nobody in particular.

use std::collections::BTreeMap;

use events::{
    Millis, ShardId,
    header::{self, View},
    position::{Arrival, Mark},
};
use shard::{State, format, snapshot::Name, step};

use crate::{
    Violation,
    broker::{Broker, PartitionId, Stored},
    library::Library,
    node,
};

/// What the logs mean.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    pub(crate) states: BTreeMap<ShardId, State>,
    /// What every shard writes into every partition.
    pub(crate) outputs: BTreeMap<(PartitionId, ShardId), Vec<Stored>>,
    /// The latest broker time up to each offset of each log: what log time has to be there.
    pub(crate) times: BTreeMap<ShardId, Vec<Millis>>,
    /// What the snapshots that were written should hold.
    pub(crate) snapshots: BTreeMap<Name, Vec<u8>>,
}

impl Reference {
    pub(crate) fn run(broker: &Broker, library: &Library) -> Result<Self, Violation> {
        // The reference is nobody's run.
        #[cfg(feature = "planted-bugs")]
        shard::planted::enter(shard::planted::Instance::default());
        let mut reference = Self::default();
        for shard in broker.shards() {
            reference.run_shard(shard, broker.commands(shard).visible(), library)?;
        }
        Ok(reference)
    }

    fn run_shard(
        &mut self,
        shard: ShardId,
        log: &[Stored],
        library: &Library,
    ) -> Result<(), Violation> {
        let mut state = State::new(shard);
        let mut marks: BTreeMap<ShardId, Mark> = BTreeMap::new();
        let mut time = 0;
        for (at, stored) in log.iter().enumerate() {
            let headers = stored.view();
            let view = View(&headers);
            let done = step(&mut state, &node::record(node::offset(at), stored, view))
                .map_err(|halt| Violation(format!("the reference run of {shard} halts: {halt}")))?;
            for output in done.outputs {
                let key = ((output.topic, output.partition), shard);
                self.outputs.entry(key).or_default().push(node::stored(&output));
            }
            let name = Name { shard, next_offset: state.next_offset() };
            if library.written.contains_key(&name) {
                self.snapshots.insert(name, format::encode(&state));
            }
            time = stored.timestamp.max(time);
            self.times.entry(shard).or_default().push(time);
            if let Some((source, mark)) = view.link() {
                let last = marks.entry(source).or_default();
                if last.arrival(mark) == Arrival::Next {
                    *last = mark;
                    check_rules(&state, at, view)?;
                }
            }
        }
        self.states.insert(shard, state);
        Ok(())
    }
}

/// A follow-up is decided by rules that are not older than those it was written under.
fn check_rules(state: &State, at: usize, view: View<'_>) -> Result<(), Violation> {
    let written_under = view.number(header::RULES).unwrap_or(0);
    let decided_by = state.rules().map_or(0, |rules| rules.revision);
    if decided_by < written_under {
        return Err(Violation(format!(
            "{} offset {at}: a follow-up of revision {written_under} was decided by {decided_by}",
            state.shard()
        )));
    }
    Ok(())
}
