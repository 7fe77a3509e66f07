//! On what the figures were measured.

use std::{collections::BTreeMap, fs, thread};

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub(super) struct Environment {
    pub(super) cores: usize,
    pub(super) cpu: String,
    pub(super) kernel: String,
    /// `release` or `debug`.
    pub(super) build: &'static str,
    /// Versions, and how PostgreSQL flushes, as far as they are known.
    pub(super) versions: BTreeMap<&'static str, String>,
    /// Runnable programs over the last 1, 5 and 15 minutes, before and after.
    pub(super) load_average: [String; 2],
}

impl Environment {
    pub(super) fn look() -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let versions = [("spillway", env!("CARGO_PKG_VERSION").to_owned())];
        Self {
            cores,
            cpu: cpu().unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            kernel: line("/proc/sys/kernel/osrelease"),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            versions: versions.into(),
            load_average: [load_average(), String::new()],
        }
    }

    /// Notes how busy the machine is at the end.
    pub(super) fn look_again(&mut self) {
        self.load_average[1] = load_average();
    }
}

fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let model = text.lines().find(|line| line.starts_with("model name"))?;
    Some(model.split_once(':')?.1.trim().to_owned())
}

fn load_average() -> String {
    line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// A file of one line; empty where there is none.
fn line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
