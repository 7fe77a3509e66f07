//! What the tests of this crate share: waiting for a level, and looking at processes from outside.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part of it; a refusal fails the test"
)]

pub(crate) mod kafka;

use std::{collections::HashSet, fs, time::Duration};

use tokio::time::{Instant, sleep};

/// Waits until `holds`, and fails the test naming `what` when it does not within `within`.
pub(crate) async fn eventually(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !holds().await {
        assert!(Instant::now() < deadline, "{what}: not within {within:?}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a process with this id runs; one that has ended and waits to be reaped does not.
pub(crate) fn runs(id: u32) -> bool {
    stat(id).is_some_and(|(state, _)| state != "Z" && state != "X")
}

/// The ids of all processes that `root` started, directly or not.
pub(crate) fn descendants(root: u32) -> HashSet<u32> {
    let parents: Vec<(u32, u32)> =
        processes().filter_map(|id| stat(id).map(|(_, parent)| (id, parent))).collect();
    let mut found = HashSet::from([root]);
    loop {
        let before = found.len();
        let next: Vec<u32> = parents
            .iter()
            .filter(|(_, parent)| found.contains(parent))
            .map(|(id, _)| *id)
            .collect();
        found.extend(next);
        if found.len() == before {
            found.remove(&root);
            return found;
        }
    }
}

/// The ids of all running processes with `variable` in their environment, whoever is their parent
/// by now. Some programs write their title over their environment; those are not found.
pub(crate) fn marked(variable: &str) -> Vec<u32> {
    let has = |id: &u32| {
        let environment = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|entry| entry == variable.as_bytes())
    };
    processes().filter(|id| has(id) && runs(*id)).collect()
}

/// The name of the program that a process runs, or nothing when it is gone.
pub(crate) fn program(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default().trim_end().to_owned()
}

fn processes() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The state and the parent of a process.
fn stat(id: u32) -> Option<(String, u32)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in the second field may hold blanks and brackets; the last bracket closes it.
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
