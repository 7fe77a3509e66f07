//! A shard with a million live orders: snapshot and restore, bytes an entry, and deadlines.
//!
//! ```text
//! cargo bench -p shard --bench state [-- [--orders N] [--only PART] [--json]]
//! ```
//! One state of this size takes a minute to build by `step`, and most of what is measured happens to
//! it once, so this is a program of its own rather than a set of repeated samples. What it prints is
//! compared with something of the same run, so that it means the same on another machine.
// A benchmark measures time; the pure crate that it measures may not.
#![allow(clippy::disallowed_methods)]

mod deadlines;
#[path = "../../tests/kit/mod.rs"]
mod kit;
mod memory;
mod pause;
mod report;
mod restore;
mod shop;

use std::{alloc::System, env, process::exit};

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use report::Report;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const USAGE: &str = "usage: cargo bench -p shard --bench state -- \
    [--orders N] [--only restore|pause|memory|deadlines] [--json]";

struct Args {
    orders: u64,
    only: Option<String>,
    is_json: bool,
}

impl Args {
    fn read(mut words: impl Iterator<Item = String>) -> Option<Self> {
        let mut args = Self { orders: 1_000_000, only: None, is_json: false };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--orders" => args.orders = words.next()?.parse().ok().filter(|n| *n >= 1_000)?,
                "--only" => args.only = Some(words.next()?),
                "--json" => args.is_json = true,
                // Cargo's own.
                "--bench" => {}
                _ => return None,
            }
        }
        Some(args)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }
}

fn main() {
    let Some(args) = Args::read(env::args().skip(1)) else {
        eprintln!("{USAGE}");
        exit(2);
    };
    let report = Report { is_json: args.is_json };
    if args.wants("memory") {
        for orders in [args.orders / 10, args.orders] {
            memory::measure(&report, orders);
        }
        memory::measure_refusals(&report);
    }
    if args.wants("deadlines") {
        deadlines::measure(&report, args.orders);
    }
    if args.wants("restore") || args.wants("pause") {
        let restored = restore::measure(&report, args.orders);
        if args.wants("pause") {
            pause::measure(&report, restored);
        }
    }
}
