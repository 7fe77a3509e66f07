//! Processor time of the system's processes, with everything below them.

use std::{collections::BTreeMap, fs};

use spillway_tests::System;

/// Clock ticks a second: the kernel tells all programs 100.
const TICKS: f64 = 100.0;

/// Seconds of processor time so far, by the process's name.
pub(crate) fn seconds(system: &System) -> BTreeMap<String, f64> {
    let all: Vec<Times> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| look(entry.ok()?.file_name().to_str()?.parse().ok()?))
        .collect();
    let ids = system.process_ids();
    ids.into_iter().map(|(name, id)| (name, with_children(&all, id))).collect()
}

/// One process.
struct Times {
    id: u32,
    parent: u32,
    ticks: u32,
}

fn with_children(all: &[Times], id: u32) -> f64 {
    let own: u32 = all.iter().filter(|t| t.id == id).map(|t| t.ticks).sum();
    let children = all.iter().filter(|t| t.parent == id);
    f64::from(own) / TICKS + children.map(|child| with_children(all, child.id)).sum::<f64>()
}

fn look(id: u32) -> Option<Times> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in parentheses and may hold any character.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
    Some(Times { id, parent: number(1)?, ticks: number(11)? + number(12)? })
}
