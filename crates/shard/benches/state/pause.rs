//! What a snapshot costs the shard that it is taken of: nothing but the processor time it takes.
//!
//! The snapshot is made as `command-api` makes it, by a second thread that decodes the last one and
//! replays silently from there. Step times are compared with those beside a stranger that keeps a
//! processor equally busy, because two threads share caches and memory whatever they do; and with
//! what a shard would wait that wrote its state down between two steps.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use shard::{Output, State, format, snapshot::Recorder};

use crate::{
    kit::Stored,
    report::{Report, histogram, ms, percentile_us, record},
    restore::{Restored, commit},
    shop::stepped,
};

/// Orders placed in each round and company.
const ORDERS: usize = 20_000;
/// How often the companies take turns.
const ROUNDS: usize = 3;
const COMPANIES: [&str; 3] = ["alone", "beside_a_stranger", "beside_a_snapshot"];

pub(crate) fn measure(report: &Report, restored: Restored) {
    report.section("Step times of that shard, while a snapshot is taken beside it");
    let Restored { mut state, mut shop } = restored;
    let mut times = COMPANIES.map(|_| histogram());
    let (mut snapshots, mut snapshot_ms) = (0, 0.0);
    let mut last = format::encode(&state);
    for _ in 0..ROUNDS {
        for (company, times) in COMPANIES.iter().zip(&mut times) {
            // Some records lie between the last snapshot and this one.
            let mut tail = Vec::new();
            for _ in 0..1_000 {
                shop.place(&mut |stored| {
                    tail.push(stored.clone());
                    stepped(&mut state, stored)
                });
            }
            let until = commit(&state);
            let is_over = AtomicBool::new(false);
            let mut taken = None;
            thread::scope(|scope| {
                let beside = scope.spawn(|| match *company {
                    "beside_a_stranger" => {
                        be_busy(&last, &is_over);
                        None
                    }
                    "beside_a_snapshot" => {
                        let mut taken = None;
                        while !is_over.load(Ordering::Relaxed) {
                            let began = Instant::now();
                            let begun = format::decode(&last).expect("the last snapshot");
                            let skip = begun.next_offset();
                            let mut recorder = Recorder::new(begun, until.clone()).expect("below");
                            let known = usize::try_from(until.offset - skip).unwrap_or(0);
                            for stored in &tail[tail.len().saturating_sub(known)..] {
                                take(&mut recorder, stored);
                            }
                            let snapshot = recorder.finish().expect("the commit is reached");
                            taken = Some((snapshot.bytes, began.elapsed()));
                            snapshots += 1;
                        }
                        taken
                    }
                    _ => None,
                });
                for _ in 0..ORDERS {
                    shop.place(&mut |stored| timed(&mut state, stored, times));
                }
                is_over.store(true, Ordering::Relaxed);
                taken = beside.join().expect("the second thread");
            });
            if let Some((_, took)) = &taken {
                snapshot_ms = ms(*took);
            }
            // The next tail begins where this round ended.
            last = format::encode(&state);
        }
    }
    tell(report, &times, snapshots, snapshot_ms);
    let began = Instant::now();
    black_box(format::encode(&state));
    let pause_us = began.elapsed().as_secs_f64() * 1e6;
    let longest = percentile_us(&times[2], 100.0);
    report.ratio("pause/between_two_steps_instead", pause_us, "us", "the longest step", longest);
}

fn tell(report: &Report, times: &[Histogram<u64>; 3], snapshots: usize, snapshot_ms: f64) {
    report.figure("pause/snapshots_beside", crate::report::number(snapshots), "snapshots");
    report.figure("pause/snapshot_beside", snapshot_ms, "ms");
    for percent in [50.0, 99.0, 99.9, 99.99, 100.0] {
        let baseline = percentile_us(&times[1], percent);
        for (company, times) in COMPANIES.iter().zip(times) {
            let name = format!("pause/step_p{percent}_{company}");
            let value = percentile_us(times, percent);
            report.ratio(&name, value, "us", "beside a stranger", baseline);
        }
    }
}

fn timed(state: &mut State, stored: &Stored, times: &mut Histogram<u64>) -> Vec<Output> {
    let began = Instant::now();
    let outputs = stepped(state, stored);
    record(times, began.elapsed());
    outputs
}

fn take(recorder: &mut Recorder, stored: &Stored) {
    let headers: Vec<(&str, &[u8])> =
        stored.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
    let record = shard::Record {
        offset: recorder.next_offset(),
        timestamp: stored.timestamp,
        key: stored.key.as_deref(),
        value: stored.value.as_deref(),
        headers: events::header::View(&headers),
    };
    recorder.on_record(&record).expect("the replay agrees");
}

/// Copies, hashes and allocates, as something else on the machine would.
fn be_busy(bytes: &[u8], is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        for part in bytes.chunks(1 << 20) {
            black_box(blake3::hash(&black_box(part.to_vec())));
            if is_over.load(Ordering::Relaxed) {
                return;
            }
        }
        thread::sleep(Duration::ZERO);
    }
}
