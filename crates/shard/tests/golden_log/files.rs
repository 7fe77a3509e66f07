//! The golden files of one rules version, in `tests/golden/rules-N/`.
//!
//! They are made once, from the scenario, before the rules version is released, and never changed:
//! `SPILLWAY_GOLDEN=add cargo test -p shard --test golden_log` writes the files of a version that
//! has none.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use events::ShardId;
use shard::{Output, State, format};

use crate::{
    kit::{Stored, step_stored},
    scenario::Story,
    text,
};

/// How many records at the start of each shard's log are committed with their full outputs.
pub const STRETCH: usize = 16;

/// A log with what it must lead to.
pub struct Golden {
    pub log: BTreeMap<ShardId, Vec<Stored>>,
    /// `shard offset chain outputs` of every record.
    pub chains: String,
    /// The full outputs of the first [`STRETCH`] records of every shard.
    pub outputs: String,
    /// `shard offset bytes`: states on the way, as snapshots hold them.
    pub states: String,
}

/// The folders `rules-N`, as numbers.
pub fn versions() -> Vec<i32> {
    let entries = std::fs::read_dir(root()).expect("the golden folder");
    let mut versions: Vec<i32> = entries
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| {
            let number = name.to_str().and_then(|name| name.strip_prefix("rules-"));
            number.and_then(|number| number.parse().ok()).expect("a folder named rules-N")
        })
        .collect();
    versions.sort_unstable();
    versions
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

pub fn read(rules: i32) -> Golden {
    let folder = root().join(format!("rules-{rules}"));
    let text = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    };
    let mut log: BTreeMap<ShardId, Vec<Stored>> = BTreeMap::new();
    for line in text("log.txt").lines().map(text::read_record) {
        let records = log.entry(line.shard).or_default();
        assert_eq!(records.len(), line.offset, "{} has no holes", line.shard);
        records.push(line.stored);
    }
    Golden {
        log,
        chains: text("chains.txt"),
        outputs: text("outputs.txt"),
        states: text("states.txt"),
    }
}

/// Writes the files of a version that has none, when asked to.
pub fn add_absent(rules: i32, story: &Story) {
    let folder = root().join(format!("rules-{rules}"));
    let asked = std::env::var_os("SPILLWAY_GOLDEN").is_some_and(|wish| wish == "add");
    if !asked || folder.exists() {
        return;
    }
    std::fs::create_dir_all(&folder).expect("a folder");
    let replayed = replay(&story.world.logs);
    let states: String = story
        .snapshots
        .iter()
        .map(|(shard, offset)| {
            let state = state_at(*shard, &story.world.logs[shard], *offset);
            format!("{shard} {offset} {}\n", text::hex(&format::encode(&state)))
        })
        .collect();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).expect("a golden file");
    };
    write("log.txt", &log_text(&story.world.logs));
    write("chains.txt", &replayed.chains());
    write("outputs.txt", &replayed.stretch());
    write("states.txt", &states);
}

pub fn log_text(logs: &BTreeMap<ShardId, Vec<Stored>>) -> String {
    logs.iter()
        .flat_map(|(shard, log)| log.iter().enumerate().map(move |(at, s)| (*shard, at, s)))
        .map(|(shard, at, stored)| text::of_record(shard, at, stored) + "\n")
        .collect()
}

/// What one record gave.
pub struct Replayed {
    pub shard: ShardId,
    pub offset: usize,
    pub chain: shard::Chain,
    pub outputs: Vec<Output>,
    pub notices: Vec<shard::Notice>,
}

pub struct Replay(pub Vec<Replayed>);

/// Steps every shard through its log, each by itself.
pub fn replay(log: &BTreeMap<ShardId, Vec<Stored>>) -> Replay {
    let mut all = Vec::new();
    for (shard, records) in log {
        let mut state = State::new(*shard);
        for (offset, stored) in records.iter().enumerate() {
            let step = step_stored(&mut state, offset, stored)
                .unwrap_or_else(|halt| panic!("{shard} halts before offset {offset}: {halt}"));
            let (chain, outputs, notices) = (state.chain(), step.outputs, step.notices);
            all.push(Replayed { shard: *shard, offset, chain, outputs, notices });
        }
    }
    Replay(all)
}

impl Replay {
    pub fn chains(&self) -> String {
        let line =
            |r: &Replayed| format!("{} {} {} {}\n", r.shard, r.offset, r.chain, r.outputs.len());
        self.0.iter().map(line).collect()
    }

    pub fn stretch(&self) -> String {
        let in_stretch = self.0.iter().filter(|replayed| replayed.offset < STRETCH);
        in_stretch
            .flat_map(|r| r.outputs.iter().map(|o| text::of_output(r.offset, r.shard, o) + "\n"))
            .collect()
    }

    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.0.iter().flat_map(|replayed| &replayed.outputs)
    }
}

/// The state of a shard before the record at `offset`.
pub fn state_at(shard: ShardId, log: &[Stored], offset: usize) -> State {
    let mut state = State::new(shard);
    for (at, stored) in log[..offset].iter().enumerate() {
        step_stored(&mut state, at, stored).expect("a step");
    }
    state
}
