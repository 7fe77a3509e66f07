//! Snapshot and restore: encode, decode, and the silent replay behind it.

use std::time::Instant;

use shard::{
    State, format,
    owner::{Commit, Owner},
};

use crate::{
    kit::Stored,
    report::{Report, ms, number},
    shop::{ORDERS, Shop, parameters, stepped},
};

/// Records behind the snapshot. A running shard is at most `--snapshot-records` behind.
const TAIL: u64 = 100_000;

/// A shard with its live orders, and the shop around it.
pub(crate) struct Restored {
    pub(crate) state: State,
    pub(crate) shop: Shop,
}

pub(crate) fn measure(report: &Report, orders: u64) -> Restored {
    report.section(&format!("Snapshot and restore of a shard with {orders} live orders"));
    let (mut shop, first) = Shop::open(parameters());
    let mut state = State::new(ORDERS);
    for record in &first {
        stepped(&mut state, record);
    }
    // Orders come over ten minutes, so that none expires and every command is remembered.
    let mut stepping = std::time::Duration::ZERO;
    let mut step = |state: &mut State, record: &Stored| {
        let began = Instant::now();
        let outputs = stepped(state, record);
        stepping += began.elapsed();
        outputs
    };
    for n in 0..orders {
        shop.place(&mut |record| step(&mut state, record));
        if n % (orders / 600).max(1) == 0 {
            shop.wait(1_000);
        }
    }
    let records = state.next_offset();
    let whole = stepping;
    assert_eq!(u64::try_from(state.live_aggregates()), Ok(orders), "every order is live");
    report.figure(
        "restore/records_in_log",
        number(usize::try_from(records).unwrap_or(0)),
        "records",
    );
    report.figure("restore/replay_of_whole_log", ms(whole), "ms");

    let began = Instant::now();
    let bytes = format::encode(&state);
    let encoding = began.elapsed();
    // The least that any snapshot does to its bytes: copy and check them.
    let began = Instant::now();
    let copy = bytes.clone();
    let checksum = blake3::hash(&copy);
    let copying = began.elapsed();
    assert_ne!(checksum.as_bytes(), &[0; 32]);
    report.figure("restore/snapshot_bytes", number(bytes.len()), "bytes");
    report.figure(
        "restore/snapshot_bytes_an_order",
        number(bytes.len()) / number(count(orders)),
        "bytes",
    );
    report.ratio("restore/encode", ms(encoding), "ms", "a copy and its checksum", ms(copying));

    // What a shard goes through between its snapshot and the crash.
    let mut tail = Vec::new();
    while state.next_offset() < records + i64::try_from(TAIL).unwrap_or(0) {
        shop.place(&mut |record| {
            tail.push(record.clone());
            stepped(&mut state, record)
        });
    }
    let commit = commit(&state);

    let began = Instant::now();
    let begun = format::decode(&bytes).expect("the state just encoded");
    let decoding = began.elapsed();
    report.ratio("restore/decode", ms(decoding), "ms", "a copy and its checksum", ms(copying));
    let began = Instant::now();
    let mut owner = Owner::new(begun, Some(commit)).expect("an owner below its commit");
    for record in &tail {
        replay(&mut owner, record);
    }
    let replaying = began.elapsed();
    assert!(owner.is_live(), "the committed offset is reached, and the chains agree");
    let each_us = replaying.as_secs_f64() * 1e6 / number(tail.len());
    report.figure("restore/replay_of_tail", ms(replaying), "ms");
    report.figure("restore/replay_a_record", each_us, "us");
    let (restoring, all) = (decoding + replaying, whole + replaying);
    report.ratio("restore/restore", ms(restoring), "ms", "replay of the whole log", ms(all));
    Restored { state: owner.state().clone(), shop }
}

/// Steps a record silently or live, as the processor does.
pub(crate) fn replay(owner: &mut Owner, record: &Stored) -> Vec<shard::Output> {
    let headers: Vec<(&str, &[u8])> =
        record.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    let record = shard::Record {
        offset: owner.state().next_offset(),
        timestamp: record.timestamp,
        key: record.key.as_deref(),
        value: record.value.as_deref(),
        headers: events::header::View(&headers),
    };
    owner.on_record(&record, 0).expect("no record of the shop halts a shard").0
}

pub(crate) fn commit(state: &State) -> Commit {
    Commit {
        offset: state.next_offset(),
        stream_id: state.stream_id().unwrap_or_default().to_owned(),
        revision: 1,
        chain: state.chain(),
    }
}

fn count(orders: u64) -> usize {
    usize::try_from(orders).unwrap_or(usize::MAX)
}
