//! The processes below a process, told apart from later ones with the same number.

use std::{collections::HashSet, fs, time::Duration};

use nix::{sys::signal::Signal, unistd::Pid};

/// The kernel needs moments to end a killed process.
const GONE_WITHIN: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// One process: its number and the tick of its start.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    id: i32,
    started: String,
    name: String,
}

/// All processes below `root`, at any depth.
pub(crate) fn of(root: Pid) -> HashSet<Process> {
    let all: Vec<(i32, Process)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(stat)
        .collect();
    let mut found = HashSet::new();
    let mut parents = vec![root.as_raw()];
    while let Some(parent) = parents.pop() {
        for (_, process) in all.iter().filter(|(above, _)| *above == parent) {
            parents.push(process.id);
            found.insert(process.clone());
        }
    }
    found
}

/// Kills the one process of that name.
pub(crate) fn kill(processes: &HashSet<Process>, name: &str) {
    let mut named = processes.iter().filter(|process| process.name == name);
    let (Some(process), None) = (named.next(), named.next()) else {
        panic!("not one {name}: {processes:?}")
    };
    nix::sys::signal::kill(Pid::from_raw(process.id), Signal::SIGKILL).unwrap();
}

/// Waits until none of the processes is there any more.
pub(crate) async fn wait_until_gone(processes: &HashSet<Process>) {
    let deadline = tokio::time::Instant::now() + GONE_WITHIN;
    loop {
        let left: Vec<&Process> = processes
            .iter()
            .filter(|process| stat(process.id).is_some_and(|(_, now)| now == **process))
            .collect();
        if left.is_empty() {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "left behind: {left:?}");
        tokio::time::sleep(POLL).await;
    }
}

/// The parent of a process, and the process; `None` when it is gone or only its parent's to reap.
fn stat(id: i32) -> Option<(i32, Process)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (head, tail) = text.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let fields: Vec<&str> = tail.split_whitespace().collect();
    let (state, parent, started) = (fields.first()?, fields.get(1)?, fields.get(19)?);
    let process = Process { id, started: (*started).to_owned(), name };
    (*state != "Z").then_some((parent.parse().ok()?, process))
}
