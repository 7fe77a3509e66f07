//! A committed log of every fate and every refusal must give the committed bytes, in every release.
//!
//! A difference means that this binary decides a released log differently: it needs a rules version
//! of its own (PROTOCOL 22), and a log of its own beside the old ones.
#![allow(unreachable_pub)]

#[path = "../kit/mod.rs"]
mod kit;

mod coverage;
mod files;
mod scenario;
mod text;

use std::collections::BTreeMap;

use events::{ShardId, Topic, header};
use kit::{Stored, step_stored};
use shard::{KNOWN_RULES, format};

#[test]
fn every_known_rules_version_has_a_golden_log_and_the_scenario_still_makes_it() {
    for &rules in KNOWN_RULES {
        let story = scenario::tell(rules);
        files::add_absent(rules, &story);
        let golden = files::read(rules);
        assert_same_lines(&files::log_text(&story.world.logs), &files::log_text(&golden.log));
    }
    assert_eq!(files::versions(), KNOWN_RULES);
}

#[test]
fn the_golden_log_gives_the_same_chain_at_every_offset() {
    for rules in files::versions() {
        let golden = files::read(rules);
        let replayed = files::replay(&golden.log);
        assert_same_lines(&replayed.chains(), &golden.chains);
        for step in &replayed.0 {
            let chain = step.chain.to_string();
            for output in &step.outputs {
                assert_eq!(kit::header(output, header::CHAIN), Some(chain.as_str()));
            }
        }
    }
}

#[test]
fn the_first_records_of_every_shard_give_the_same_outputs_to_the_byte() {
    for rules in files::versions() {
        let golden = files::read(rules);
        assert_same_lines(&files::replay(&golden.log).stretch(), &golden.outputs);
    }
}

#[test]
fn a_committed_state_reads_back_and_goes_on_to_the_end_of_the_log() {
    for rules in files::versions() {
        let golden = files::read(rules);
        assert_eq!(golden.states.lines().count(), golden.log.len(), "one state for each shard");
        for line in golden.states.lines() {
            let fields: Vec<&str> = line.split(' ').collect();
            let [shard, offset, bytes] = fields[..] else { panic!("three fields: {line}") };
            let shard: ShardId = shard.parse().expect("a shard");
            let offset: usize = offset.parse().expect("an offset");
            let log = &golden.log[&shard];
            let mut state = format::decode(&text::bytes(bytes)).expect("a committed state");
            assert_eq!(state, files::state_at(shard, log, offset));
            assert_eq!(text::hex(&format::encode(&state)), bytes, "equal states, equal bytes");
            for (at, stored) in log.iter().enumerate().skip(offset) {
                step_stored(&mut state, at, stored).expect("a step");
            }
            assert_eq!(state, files::state_at(shard, log, log.len()));
        }
    }
}

#[test]
fn whatever_a_shard_writes_to_another_stands_in_the_log_of_the_other() {
    for rules in files::versions() {
        let golden = files::read(rules);
        let mut logged = by_origin(&golden.log);
        for output in files::replay(&golden.log).outputs() {
            let Topic::Commands(kind) = output.topic else { continue };
            let target = ShardId::new(kind, output.partition);
            let origin = kit::header(output, header::ORIGIN).expect("an origin").to_owned();
            let stored = logged.remove(&(target, origin)).expect("the follow-up in the log");
            assert_eq!(stored.value.as_ref(), Some(&output.value));
            assert_eq!(stored.key.as_deref(), output.key.as_deref().map(str::as_bytes));
            let headers = output.headers.iter();
            let headers: Vec<(String, Vec<u8>)> =
                headers.map(|(n, v)| ((*n).to_owned(), v.clone().into_bytes())).collect();
            assert_eq!(stored.headers, headers);
        }
        let forged: Vec<_> = logged.keys().collect();
        assert_eq!(forged.len(), scenario::FORGED, "nobody else wrote follow-ups: {forged:?}");
    }
}

/// The first record of each origin; later ones are repeats.
fn by_origin(log: &BTreeMap<ShardId, Vec<Stored>>) -> BTreeMap<(ShardId, String), Stored> {
    let mut found = BTreeMap::new();
    for (shard, records) in log {
        for stored in records {
            let origin = stored.headers.iter().find(|(name, _)| name == header::ORIGIN);
            if let Some((_, origin)) = origin {
                let origin = String::from_utf8(origin.clone()).expect("text");
                found.entry((*shard, origin)).or_insert_with(|| stored.clone());
            }
        }
    }
    found
}

/// Compares line by line, so that a failure shows the first record that differs and not all bytes.
fn assert_same_lines(found: &str, committed: &str) {
    for (number, (found, committed)) in (1..).zip(found.lines().zip(committed.lines())) {
        assert_eq!(found, committed, "line {number} differs from the committed one");
    }
    assert_eq!(found.lines().count(), committed.lines().count(), "the number of lines differs");
}
