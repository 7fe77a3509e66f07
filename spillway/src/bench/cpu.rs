//! Processor time of processes with everything below them, and of threads of this one. On a machine
//! that does other things too it is the steadiest figure.

use std::{collections::BTreeMap, fs};

/// Clock ticks a second: the kernel tells all programs 100.
const TICKS: f64 = 100.0;

/// Who works for a subject.
#[derive(Debug, Clone, Default)]
pub(super) struct Workers {
    /// Name and id of processes.
    pub(super) processes: Vec<(String, u32)>,
    /// Name of threads of this process.
    pub(super) threads: Option<&'static str>,
}

impl Workers {
    /// Seconds of processor time so far, by name.
    pub(super) fn seconds(&self) -> BTreeMap<String, f64> {
        let all = Times::all("/proc");
        let of = |(name, id): &(String, u32)| (name.clone(), with_children(&all, *id));
        let mut seconds: BTreeMap<String, f64> = self.processes.iter().map(of).collect();
        if let Some(name) = self.threads {
            let threads = Times::all("/proc/self/task");
            let ticks: u32 = threads.iter().filter(|t| t.name == name).map(|t| t.ticks).sum();
            seconds.insert(name.to_owned(), f64::from(ticks) / TICKS);
        }
        seconds
    }
}

/// One process or thread.
struct Times {
    id: u32,
    parent: u32,
    name: String,
    ticks: u32,
    /// Of children that have ended: a connection's process takes its time along.
    reaped: u32,
}

impl Times {
    fn all(folder: &str) -> Vec<Self> {
        let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        entries.filter_map(|e| Self::of(folder, e.file_name().to_str()?.parse().ok()?)).collect()
    }

    fn of(folder: &str, id: u32) -> Option<Self> {
        let text = fs::read_to_string(format!("{folder}/{id}/stat")).ok()?;
        // The name stands in parentheses and may hold any character.
        let (name, fields) = text.rsplit_once(')')?;
        let name = name.split_once('(')?.1.to_owned();
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u32>().ok();
        let ticks = number(11)? + number(12)?;
        Some(Self { id, parent: number(1)?, name, ticks, reaped: number(13)? + number(14)? })
    }
}

fn with_children(all: &[Times], id: u32) -> f64 {
    let own: u32 = all.iter().filter(|t| t.id == id).map(|t| t.ticks + t.reaped).sum();
    let children = all.iter().filter(|t| t.parent == id);
    f64::from(own) / TICKS + children.map(|child| with_children(all, child.id)).sum::<f64>()
}
