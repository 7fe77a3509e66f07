//! Exactly once, whatever the log repeats or leaves out for a while, wherever a reader dies, and
//! however many believe at the same time that a partition is theirs.

mod support;

use std::collections::{BTreeMap, HashMap};

use eventlog::Partition;
use events::{Event, Kind, ShardId, Topic};
use projector::{
    fold::{Before, Read, Unstorable, fold},
    intake::{Intake, Slice},
    link::{Checkpoint, Link},
    projection::{
        Projection,
        orders::{OrderRows, Orders},
        products::{Product, Products},
    },
};
use proptest::prelude::*;
use support::{
    history,
    shard::{Output, outputs, rows},
};

/// What the log and the reader do, one after the other.
#[derive(Debug, Clone)]
enum Act {
    /// Somebody writes the output at this share of the known ones again, or too early.
    Write(f64),
    /// A reader reads up to so many records.
    Read(usize, usize),
    /// A reader applies what it has; what another was faster with comes to nothing.
    Apply(usize),
    /// A reader dies or gets the partition: it begins at the checkpoint. The other one may not know.
    Begin(usize),
}

/// Readers that may believe that the partition is theirs.
const READERS: usize = 2;

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (0.0..1.0).prop_map(Act::Write),
        4 => (0..READERS, 1usize..12).prop_map(|(reader, count)| Act::Read(reader, count)),
        2 => (0..READERS).prop_map(Act::Apply),
        1 => (0..READERS).prop_map(Act::Begin),
    ]
}

/// Rows that remember, as tables do.
trait Table: Projection<Body = Event> {
    /// The rows as they are loaded.
    fn loaded(rows: &Self::Rows) -> Self::Rows;
    /// The stored rows after `new` was stored over `old`.
    fn stored(old: Option<&Self::Rows>, new: &Self::Rows) -> Self::Rows;
}

impl Table for Orders {
    fn loaded(rows: &OrderRows) -> OrderRows {
        OrderRows { are_lines_changed: false, happenings: vec![], ..rows.clone() }
    }

    fn stored(old: Option<&OrderRows>, new: &OrderRows) -> OrderRows {
        let mut rows = new.clone();
        let history = old.into_iter().flat_map(|old| old.happenings.clone());
        rows.happenings = history.chain(new.happenings.clone()).collect();
        rows.are_lines_changed = true;
        rows
    }
}

impl Table for Products {
    fn loaded(row: &Product) -> Product {
        row.clone()
    }

    fn stored(_: Option<&Product>, new: &Product) -> Product {
        new.clone()
    }
}

/// A log, readers and a database, all in memory.
struct World<P: Table> {
    partition: Partition,
    outputs: Vec<Output>,
    /// Indexes of outputs, by offset.
    log: Vec<usize>,
    readers: Vec<Reader>,
    checkpoint: Checkpoint,
    rows: BTreeMap<String, P::Rows>,
}

struct Reader {
    next_offset: usize,
    intake: Intake,
}

impl Reader {
    fn at(partition: &Partition, checkpoint: Checkpoint) -> Self {
        Self {
            next_offset: usize::try_from(checkpoint.next_offset).expect("positive"),
            intake: Intake::new(partition.clone(), checkpoint, Link::new(checkpoint)),
        }
    }
}

impl<P: Table> World<P> {
    fn new(shard: ShardId, outputs: Vec<Output>) -> Self {
        let partition = Partition::of(Topic::Events(shard.kind), shard.partition);
        let checkpoint = Checkpoint::default();
        Self {
            readers: (0..READERS).map(|_| Reader::at(&partition, checkpoint)).collect(),
            partition,
            outputs,
            log: Vec::new(),
            checkpoint,
            rows: BTreeMap::new(),
        }
    }

    /// Does what is asked; a write repeats or runs ahead within the first `known` outputs.
    fn act(&mut self, act: &Act, known: usize) {
        match act {
            Act::Write(share) => {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                #[allow(clippy::cast_precision_loss)]
                let index = (share * known as f64) as usize;
                self.log.push(index);
            }
            Act::Read(reader, count) => self.read(*reader, *count),
            Act::Apply(reader) => self.apply(*reader),
            Act::Begin(reader) => self.begin(*reader),
        }
    }

    fn begin(&mut self, reader: usize) {
        self.readers[reader] = Reader::at(&self.partition, self.checkpoint);
    }

    fn read(&mut self, reader: usize, count: usize) {
        let reader = &mut self.readers[reader];
        let end = self.log.len().min(reader.next_offset.saturating_add(count));
        for offset in reader.next_offset..end {
            let output = &self.outputs[self.log[offset]];
            let offset = i64::try_from(offset).expect("small");
            reader.intake.admit(output.record(&self.partition, offset));
        }
        reader.next_offset = end.max(reader.next_offset);
    }

    fn apply(&mut self, reader: usize) {
        let Some(slice) = self.readers[reader].intake.take() else { return };
        // What the transaction compares under the lock.
        if slice.from != self.checkpoint {
            return self.begin(reader);
        }
        let last = slice.accepted.last();
        assert!(last.is_none_or(|last| last.envelope.ends_step), "half a step");
        self.checkpoint = slice.to;
        let batch = [self.decoded(slice)];
        let loaded = self.rows.iter().map(|(key, rows)| (key.clone(), P::loaded(rows)));
        let before = Before { rows: loaded.collect(), parked: HashMap::new() };
        let folded = fold::<P>(&batch, before, &Unstorable::new());
        assert!(folded.letters.is_empty(), "{:?}", folded.letters);
        for (key, new) in folded.rows {
            let stored = P::stored(self.rows.get(key), &new);
            self.rows.insert(key.to_owned(), stored);
        }
    }

    fn decoded(&self, slice: Slice) -> Read<Event> {
        let contents = slice.accepted.iter().map(|arrived| {
            let index = usize::try_from(arrived.envelope.mark.link_sequence - 1).expect("from 1");
            // The offset is left out: it depends on which copy was read.
            Ok(self.outputs[index].fact(&self.partition, 0))
        });
        Read { contents: contents.collect(), slice }
    }
}

/// Lets `before` happen; then the shard's owner, whoever it is, writes everything once more, while
/// `during` happens. After that nothing is written: what the reader missed for good, it never gets.
fn check<P: Table>(shard: ShardId, steps: &[history::Step], before: &[Act], during: &[Act])
where
    P::Rows: PartialEq,
{
    let outputs = outputs(shard, steps);
    let expected = rows::<P>(shard, &outputs);
    let count = outputs.len();
    let mut world = World::<P>::new(shard, outputs);
    before.iter().for_each(|act| world.act(act, count));
    for index in 0..count {
        world.log.push(index);
        if let Some(act) = during.get(index) {
            world.act(act, index + 1);
        }
    }
    // One of them goes on with what it has, whether it is stale or not.
    for act in [Act::Read(1, usize::MAX), Act::Apply(1), Act::Begin(0), Act::Read(0, usize::MAX)] {
        world.act(&act, count);
    }
    for act in [Act::Apply(0), Act::Apply(1)] {
        world.act(&act, count);
    }
    assert_eq!(world.checkpoint.mark.link_sequence, i64::try_from(count).expect("small"));
    assert_eq!(world.rows, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn orders_are_the_fold_of_their_events(
        before in prop::collection::vec(act(), 0..60),
        during in prop::collection::vec(act(), 0..60),
        count in 1usize..9,
    ) {
        let shard = ShardId::new(Kind::Orders, 1);
        check::<Orders>(shard, &history::orders("o", count), &before, &during);
    }

    #[test]
    fn products_are_the_fold_of_their_events(
        before in prop::collection::vec(act(), 0..60),
        during in prop::collection::vec(act(), 0..60),
        count in 1usize..4,
    ) {
        let shard = ShardId::new(Kind::Products, 3);
        check::<Products>(shard, &history::products("p", count), &before, &during);
    }
}
