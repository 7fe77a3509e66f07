//! The supervision of one process, tried with small shell programs.
#![allow(clippy::unwrap_used, reason = "a refusal fails the test")]

mod common;

use std::{fs, net::Ipv4Addr, os::unix::process::ExitStatusExt as _, path::Path, time::Duration};

use common::{eventually, runs};
use devstack::{Error, PortLease, Process, Ready, Spec, StopSignal};
use tempfile::TempDir;
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(60);

/// A shell program with its log in `dir`.
fn shell(dir: &TempDir, script: &str) -> Spec {
    Spec::new("program", "sh", dir.path().join("logs/program.log")).args(["-c", script])
}

fn says(text: &str) -> Ready {
    Ready::LogLine(text.to_owned())
}

fn log(process: &Process) -> String {
    fs::read_to_string(process.log()).unwrap()
}

#[tokio::test]
async fn a_program_gets_its_arguments_environment_and_folder() {
    let dir = tempfile::tempdir().unwrap();
    let script = "echo \"$1 $GREETING $(pwd)\"; echo up; exec sleep 1000";
    let spec = shell(&dir, script)
        .args(["name", "an argument"])
        .envs([("GREETING", "hello")])
        .dir(dir.path())
        .ready(says("up"));
    let process = Process::spawn(spec).await.unwrap();
    let folder = fs::canonicalize(dir.path()).unwrap();
    assert_eq!(log(&process), format!("an argument hello {}\nup\n", folder.display()));
}

#[tokio::test]
async fn a_program_is_ready_when_its_port_accepts() {
    let dir = tempfile::tempdir().unwrap();
    let lease = PortLease::random().unwrap();
    let address = (Ipv4Addr::LOCALHOST, lease.port()).into();
    let process = Process::new(shell(&dir, "exec sleep 1000").ready(Ready::Tcp(address)));
    let listen = async {
        eventually("the program runs", SOON, async || process.is_running()).await;
        TcpListener::bind(address).await.unwrap()
    };
    let (started, _listener) = tokio::join!(process.start(), listen);
    started.unwrap();
}

#[tokio::test]
async fn a_program_that_dies_while_starting_is_named_with_the_end_of_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let spec = shell(&dir, "echo the reason >&2; exit 3").ready(says("never"));
    let error = Process::spawn(spec).await.unwrap_err();
    assert!(matches!(&error, Error::Died { status, .. } if status.code() == Some(3)), "{error}");
    let text = error.to_string();
    assert!(text.starts_with("program ended while starting (exit status: 3)"), "{text}");
    assert!(text.ends_with("the reason"), "{text}");
}

#[tokio::test]
async fn a_program_that_does_not_exist_is_named_too() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Spec::new("nothing", "/no/such/program", dir.path().join("log"));
    let error = Process::spawn(spec.ready(says("never"))).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/program"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_not_ready_in_time_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let spec = shell(&dir, "echo waiting; exec sleep 1000")
        .ready(says("never"))
        .start_within(Duration::from_secs(2));
    let process = Process::new(spec);
    let error = process.start().await.unwrap_err();
    assert!(matches!(&error, Error::NotReady { tail, .. } if tail == "waiting"), "{error}");
    assert!(!process.is_running());
}

#[tokio::test]
async fn a_passing_condition_is_waited_out() {
    let dir = tempfile::tempdir().unwrap();
    let script = "[ -e made ] || { : >made; echo still locked; exit 1; }; echo up; exec sleep 1000";
    let spec = shell(&dir, script).dir(dir.path()).ready(says("up")).passing(["still locked"]);
    let process = Process::spawn(spec).await.unwrap();
    assert_eq!(log(&process), "still locked\nup\n");
}

#[tokio::test]
async fn a_stop_lets_a_program_end_in_order_even_when_it_is_paused() {
    let dir = tempfile::tempdir().unwrap();
    let script = "trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.05; done";
    let spec = shell(&dir, script).ready(says("up")).stop(StopSignal::Interrupt, SOON);
    let process = Process::spawn(spec).await.unwrap();
    process.pause().unwrap();
    let status = process.stop().await.unwrap();
    assert!(status.success(), "{status}");
    assert_eq!(log(&process), "up\nbye\n");
    assert_eq!(process.stop().await, None);
    assert!(matches!(process.pause(), Err(Error::NotRunning(_))));
}

#[tokio::test]
async fn a_program_that_does_not_heed_the_stop_is_killed_after_its_grace() {
    let dir = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; echo up; while :; do sleep 0.05; done";
    let grace = Duration::from_millis(200);
    let spec = shell(&dir, script).ready(says("up")).stop(StopSignal::Terminate, grace);
    let process = Process::spawn(spec).await.unwrap();
    assert_eq!(process.stop().await.unwrap().signal(), Some(9));
}

#[tokio::test]
async fn a_paused_program_does_nothing_until_it_is_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let script = "echo up; while :; do sleep 0.01; echo tick; done";
    let process = Process::spawn(shell(&dir, script).ready(says("up"))).await.unwrap();
    process.pause().unwrap();
    let id = process.id().unwrap();
    let stopped = async || {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        stat.contains(") T ")
    };
    eventually("the program is stopped", SOON, stopped).await;
    let paused = log(&process).len();
    process.resume().unwrap();
    eventually("the program goes on", SOON, async || log(&process).len() > paused).await;
}

#[tokio::test]
async fn a_killed_program_starts_again_and_waits_for_its_own_words() {
    let dir = tempfile::tempdir().unwrap();
    let spec = shell(&dir, "echo up; exec sleep 1000").ready(says("up"));
    let process = Process::spawn(spec).await.unwrap();
    assert!(matches!(process.start().await, Err(Error::AlreadyRunning(_))));
    let first = process.id().unwrap();
    assert_eq!(process.kill().await.unwrap().signal(), Some(9));
    assert!(!runs(first));
    process.start().await.unwrap();
    assert_ne!(process.id().unwrap(), first);
    assert_eq!(log(&process), "up\nup\n");
}

#[tokio::test]
async fn a_drop_kills_what_the_program_has_started_too() {
    let dir = tempfile::tempdir().unwrap();
    let spec = shell(&dir, "sleep 1000 & echo child $!; echo up; wait").ready(says("up"));
    let process = Process::spawn(spec).await.unwrap();
    let (leader, child) = (process.id().unwrap(), child(process.log()));
    assert!(runs(leader) && runs(child));
    drop(process);
    assert!(!runs(leader));
    eventually("the child is gone", SOON, async || !runs(child)).await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let process = Process::spawn(shell(&dir, "sleep 1000 & echo child $!")).await.unwrap();
    process.ended().await;
    let child = child(process.log());
    eventually("the child is gone", SOON, async || !runs(child)).await;
}

/// A process outlives the runtime that started it, as one shared between tests must.
#[test]
fn a_process_is_waited_for_on_another_runtime_than_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let spec = shell(&dir, "echo up; exec sleep 1000").ready(says("up"));
    let process = runtime().block_on(Process::spawn(spec)).unwrap();
    let status = runtime().block_on(process.kill()).unwrap();
    assert_eq!(status.signal(), Some(9));
}

/// The id that a program has written as `child <id>`.
fn child(log: &Path) -> u32 {
    let text = fs::read_to_string(log).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("child ")).unwrap();
    line.parse().unwrap()
}
