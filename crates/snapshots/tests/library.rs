//! A library in a real folder: written once, alarms, damage, foreign files, removal.

use std::{fs, path::Path};

use events::{
    Command, Kind, ShardId,
    command::{ActivateRules, ProposeRules},
    header::View,
    profile::Profile,
};
use shard::{
    Record, State, Timestamp, format,
    processor::Offsets,
    snapshot::{Log, Name, Snapshot, Want},
    step,
};
use snapshots::{Library, PublishError, Published};

const SHARD: ShardId = ShardId { kind: Kind::Products, partition: 1 };

/// The shard at an offset, in a log of control records.
fn state(next_offset: i64, stream: &str) -> State {
    let mut state = State::new(SHARD);
    for offset in 0..next_offset {
        let command: Command = match offset {
            0 => ProposeRules {
                revision: 1,
                rules: 1,
                stream_id: stream.to_owned(),
                parameters: Profile::LOCAL.parameters(),
            }
            .into(),
            _ => ActivateRules { revision: 1 }.into(),
        };
        let value = command.to_single_object();
        let timestamp = Timestamp::LogAppend(offset);
        let headers = View(&[]);
        let record = Record { offset, timestamp, key: None, value: Some(&value), headers };
        step(&mut state, &record).expect("a step");
    }
    state
}

fn snapshot(next_offset: i64, stream: &str) -> Snapshot {
    let name = Name { shard: SHARD, next_offset };
    Snapshot { name, bytes: format::encode(&state(next_offset, stream)) }
}

fn log(low: i64, stream: &str) -> Log {
    let offsets = Offsets { low, high: 100 };
    Log { shard: SHARD, offsets, stream_id: Some(stream.to_owned()) }
}

fn library(folder: &Path) -> Library {
    Library::open(folder.to_str().expect("text")).expect("a library")
}

async fn found(library: &Library, log: &Log, want: Want) -> Option<i64> {
    let found = library.find(log, want).await.expect("the folder is there")?;
    assert_eq!(found.state.next_offset(), found.name.next_offset);
    Some(found.name.next_offset)
}

#[tokio::test]
async fn a_name_is_written_once_and_another_state_under_it_is_an_alarm() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = library(folder.path());
    let first = snapshot(5, "s");
    assert_eq!(library.publish(&first).await.expect("room"), Published::Written);
    assert_eq!(library.publish(&first).await.expect("room"), Published::AlreadyThere);
    let longer = snapshot(6, "s");
    let other = library.publish(&Snapshot { name: first.name, ..longer }).await;
    assert!(matches!(other, Err(PublishError::Conflict { name }) if name == first.name));
    let of_another_log = library.publish(&snapshot(5, "t")).await.expect("an answer");
    assert_eq!(of_another_log, Published::Unusable);
    let kept = library.get(first.name).await.expect("the folder").expect("the snapshot");
    assert_eq!(kept, first.bytes, "what was there first stays");
}

#[tokio::test]
async fn torn_foreign_and_unknown_objects_are_passed_over_for_an_older_snapshot() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = library(folder.path());
    for offset in [2, 4, 6, 8] {
        library.publish(&snapshot(offset, "s")).await.expect("room");
    }
    library.publish(&snapshot(9, "another-stream")).await.expect("room");
    let path =
        |offset: i64| folder.path().join(Name { shard: SHARD, next_offset: offset }.to_string());
    let bytes = fs::read(path(8)).expect("a snapshot");
    fs::write(path(8), &bytes[..bytes.len() / 2]).expect("torn");
    let mut unknown = fs::read(path(6)).expect("a snapshot");
    unknown[5] = 99;
    fs::write(path(6), unknown).expect("of a later version");
    fs::write(path(6).with_file_name("notes.txt"), "not ours").expect("foreign");
    fs::write(path(50), "").expect("empty");

    assert_eq!(found(&library, &log(0, "s"), Want::Newest).await, Some(4));
    assert_eq!(found(&library, &log(0, "s"), Want::Oldest).await, Some(2));
    assert_eq!(found(&library, &log(3, "s"), Want::Oldest).await, Some(4));
    assert_eq!(found(&library, &log(0, "s"), Want::NewestUpTo(3)).await, Some(2));
    assert_eq!(found(&library, &log(5, "s"), Want::Newest).await, None);
    assert_eq!(library.list(SHARD).await.expect("the folder").len(), 6);
    let torn = library.publish(&snapshot(8, "s")).await.expect("an answer");
    assert_eq!(torn, Published::Unusable);
}

#[tokio::test]
async fn shards_do_not_see_each_other_and_removal_is_harmless_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let library = library(folder.path());
    let snapshot = snapshot(2, "s");
    library.publish(&snapshot).await.expect("room");
    let neighbour = ShardId { partition: 10, ..SHARD };
    assert_eq!(library.list(neighbour).await.expect("the folder"), []);
    for _ in 0..2 {
        library.remove(snapshot.name).await.expect("the folder");
        assert_eq!(library.list(SHARD).await.expect("the folder"), []);
    }
}

#[test]
fn a_place_is_a_folder_or_a_url() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display().to_string();
    assert!(Library::open(&path).is_ok());
    assert!(Library::open(&format!("file://{path}/below")).is_ok());
    assert!(Library::open("s3://bucket/prefix").is_ok());
    for bad in ["nothing://at/all", "/proc/none/snapshots"] {
        let error = Library::open(bad).expect_err("no place").to_string();
        assert!(error.contains(bad), "{error}");
    }
}
