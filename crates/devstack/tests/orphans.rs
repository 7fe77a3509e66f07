//! Nothing outlives an owner that was killed with SIGKILL, at whatever point of its life.

#![allow(clippy::unwrap_used, reason = "a refusal fails the test")]

mod common;

use std::{
    collections::HashSet,
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use common::{descendants, eventually, marked, program, runs};

/// The first start on a machine fetches the artifacts.
const START: Duration = Duration::from_secs(300);
const GONE: Duration = Duration::from_secs(60);

/// An owner of a whole stack, killed when the test ends whatever happens.
struct Owner {
    process: Child,
    /// Stands in the environment of all that the owner starts.
    mark: String,
}

impl Owner {
    fn start() -> Self {
        let id = uuid::Uuid::new_v4().to_string();
        let process = Command::new(env!("CARGO_BIN_EXE_devstack"))
            .args(["up", "--random-ports"])
            .env("SPILLWAY_TEST_OWNER", &id)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        Self { process: process.unwrap(), mark: format!("SPILLWAY_TEST_OWNER={id}") }
    }

    /// What the owner has started by now.
    fn started(&self) -> HashSet<u32> {
        descendants(self.process.id())
    }

    /// Kills the owner alone, and waits until all that it had started is gone: what was seen of
    /// it, and what started after that look.
    async fn kill_and_watch(mut self) {
        let seen = self.started();
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        eventually("all that the owner had started is gone", GONE, async || {
            !seen.iter().any(|id| runs(*id)) && marked(&self.mark).is_empty()
        })
        .await;
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Refused when it has been killed already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn a_running_stack_does_not_outlive_its_owner() {
    let mut owner = Owner::start();
    let output = BufReader::new(owner.process.stdout.take().unwrap());
    let up = tokio::task::spawn_blocking(|| {
        output.lines().map_while(Result::ok).any(|line| line.starts_with("REDIS_URL="))
    });
    assert!(tokio::time::timeout(START, up).await.unwrap().unwrap(), "the stack did not start");
    let programs: HashSet<String> = owner.started().into_iter().map(program).collect();
    for part in ["java", "postgres", "redis-server"] {
        assert!(programs.contains(part), "{part} is not among {programs:?}");
    }
    assert!(marked(&owner.mark).len() > 4, "the mark finds the processes");
    owner.kill_and_watch().await;
}

#[tokio::test]
async fn a_stack_that_is_still_starting_does_not_outlive_its_owner() {
    // The first one may be a gate that has not become its program yet.
    for moment in ["sh", "java", "postgres"] {
        let owner = Owner::start();
        eventually(moment, START, async || {
            owner.started().into_iter().any(|id| program(id) == moment)
        })
        .await;
        owner.kill_and_watch().await;
    }
}
