//! The place where snapshots lie: one object under a name, some of them torn, damaged or foreign.

use std::collections::BTreeMap;

use events::{Kind, Millis, ShardId};
use shard::{
    State, format,
    snapshot::{self, Kept, Log, Name, Snapshot, Standing, Want},
};

use crate::random::Random;

/// An object store with create-if-absent.
#[derive(Debug, Default)]
pub(crate) struct Library {
    objects: BTreeMap<Name, Object>,
    /// Every snapshot that was ever written whole, whatever became of it.
    pub(crate) written: BTreeMap<Name, Vec<u8>>,
}

#[derive(Debug)]
struct Object {
    bytes: Vec<u8>,
    written_at: Millis,
    /// Exactly what an instance meant to write.
    is_whole: bool,
}

/// What became of a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    Written,
    Taken(Standing),
}

/// A snapshot to begin with.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) state: Option<State>,
    /// How many were passed over before.
    pub(crate) unfit: u64,
}

impl Library {
    /// Writes an object, unless its name is taken.
    pub(crate) fn publish(&mut self, snapshot: &Snapshot, now: Millis) -> Published {
        if let Some(object) = self.objects.get(&snapshot.name) {
            return Published::Taken(snapshot::standing(&object.bytes, snapshot));
        }
        self.written.insert(snapshot.name, snapshot.bytes.clone());
        self.put(snapshot.name, snapshot.bytes.clone(), now, true);
        Published::Written
    }

    /// The writer or the place broke down in the middle of an object.
    pub(crate) fn tear(&mut self, snapshot: &Snapshot, now: Millis, random: &mut Random) {
        let length = random.below(snapshot.bytes.len());
        self.put(snapshot.name, snapshot.bytes[..length].to_vec(), now, false);
    }

    /// Somebody puts the state of another log under a name of this one.
    pub(crate) fn put_foreign(&mut self, name: Name, state: &State, now: Millis) {
        self.put(name, format::encode(state), now, false);
    }

    fn put(&mut self, name: Name, bytes: Vec<u8>, written_at: Millis, is_whole: bool) {
        self.objects.entry(name).or_insert(Object { bytes, written_at, is_whole });
    }

    /// One bit of a snapshot flips; but a shard whose log has lost its start keeps one to begin with.
    pub(crate) fn damage(&mut self, name: Name, low: i64, random: &mut Random) -> bool {
        let of_shard = self.objects.iter().filter(|(other, object)| {
            other.shard == name.shard && other.next_offset >= low && object.is_whole
        });
        let whole = of_shard.count();
        let Some(object) = self.objects.get_mut(&name).filter(|object| object.is_whole) else {
            return false;
        };
        if low > 0 && whole < 2 {
            return false;
        }
        let at = random.below(object.bytes.len());
        object.bytes[at] ^= 1 << random.below(8);
        object.is_whole = false;
        true
    }

    pub(crate) fn names(&self) -> Vec<Name> {
        self.objects.keys().copied().collect()
    }

    /// The objects of a shard, as a listing shows them.
    pub(crate) fn kept(&self, shard: ShardId) -> Vec<Kept> {
        let of_shard = self.objects.iter().filter(|(name, _)| name.shard == shard);
        let kept = of_shard.map(|(name, object)| Kept {
            name: *name,
            written_at: object.written_at,
            bytes: object.bytes.len() as u64,
        });
        kept.collect()
    }

    pub(crate) fn remove(&mut self, name: Name) {
        self.objects.remove(&name);
    }

    /// The most wanted snapshot that the log can go on from; or, because nothing may depend on which
    /// it is, any of them.
    pub(crate) fn find(&self, log: &Log, want: Want, any: Option<&mut Random>) -> Found {
        let names = self.objects.keys().copied();
        let mut names = snapshot::candidates(names, log, want);
        if let Some(random) = any
            && !names.is_empty()
        {
            let first = names.remove(random.below(names.len()));
            names.insert(0, first);
        }
        let mut found = Found { state: None, unfit: 0 };
        for name in names {
            match snapshot::read(name, &self.objects[&name].bytes, log) {
                Ok(state) => return Found { state: Some(state), ..found },
                Err(_) => found.unfit += 1,
            }
        }
        found
    }
}

/// The shard as the log of another stream has it at this offset.
pub(crate) fn foreign(shard: ShardId, next_offset: i64) -> State {
    use events::{
        Command,
        command::{ActivateRules, ProposeRules, Tick},
        header::View,
    };
    let mut state = State::new(shard);
    for offset in 0..next_offset {
        let command: Command = match offset {
            0 => ProposeRules {
                revision: 1,
                rules: 1,
                stream_id: format!("another {}", Kind::as_str(shard.kind)),
                parameters: crate::faults::parameters(1),
            }
            .into(),
            1 => ActivateRules { revision: 1 }.into(),
            _ => Tick {}.into(),
        };
        let value = command.to_single_object();
        let timestamp = shard::Timestamp::LogAppend(offset);
        let headers = View(&[]);
        let record = shard::Record { offset, timestamp, key: None, value: Some(&value), headers };
        if shard::step(&mut state, &record).is_err() {
            // Control records of a version that every binary knows.
            break;
        }
    }
    state
}
