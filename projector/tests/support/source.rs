//! A partition in memory, applied to a real database as a lane does it.

use eventlog::Partition;
use events::{Event, Kind, ShardId, Topic};
use projector::{
    fold::Read,
    intake::Intake,
    link::{Checkpoint, Link},
    projection::Projection,
    store::{Owner, apply, checkpoint},
};
use sqlx::PgPool;

use super::{
    history::Step,
    shard::{Output, outputs},
};

/// One partition with its outputs, read in batches.
pub struct Source {
    pub partition: Partition,
    pub outputs: Vec<Output>,
}

impl Source {
    pub fn new(kind: Kind, steps: &[Step]) -> Self {
        let shard = ShardId::new(kind, 0);
        let partition = Partition::of(Topic::Events(kind), 0);
        Self { partition, outputs: outputs(shard, steps) }
    }

    /// What a reader at `checkpoint` makes of the next `count` records.
    pub fn batch(&self, checkpoint: Checkpoint, count: usize) -> [Read<Event>; 1] {
        let mut intake = Intake::new(self.partition.clone(), checkpoint, Link::new(checkpoint));
        let at = usize::try_from(checkpoint.next_offset).expect("positive");
        for (index, output) in self.outputs.iter().enumerate().skip(at).take(count) {
            intake.admit(output.record(&self.partition, i64::try_from(index).expect("small")));
        }
        let slice = intake.take().expect("a slice");
        let contents = slice.accepted.iter().map(|arrived| {
            let offset = arrived.record.offset;
            let output = &self.outputs[usize::try_from(offset).expect("positive")];
            Ok(output.fact(&self.partition, offset))
        });
        [Read { contents: contents.collect(), slice }]
    }

    pub async fn checkpoint<P: Projection>(&self, pool: &PgPool) -> Checkpoint {
        let owner = Owner::live(P::NAME, 1);
        let partitions = [self.partition.clone()];
        let loaded = checkpoint::load(pool, owner, &partitions).await.expect("a checkpoint");
        loaded[&self.partition]
    }

    /// Applies everything in batches of `count` records.
    pub async fn apply_all<P: Projection<Body = Event>>(&self, pool: &PgPool, count: usize) {
        let last = i64::try_from(self.outputs.len()).expect("small");
        loop {
            let checkpoint = self.checkpoint::<P>(pool).await;
            if checkpoint.mark.link_sequence == last {
                return;
            }
            let batch = self.batch(checkpoint, count);
            apply::<P>(pool, Owner::live(P::NAME, 1), &batch).await.expect("applied");
        }
    }
}
