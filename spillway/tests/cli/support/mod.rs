//! A `spillway dev` under test: started for real, read line by line, never left behind.

pub(crate) mod descendants;
pub(crate) mod system;

use std::{
    path::Path,
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
    time::timeout,
};

/// The first start on a machine fetches the artifacts.
const START_WITHIN: Duration = Duration::from_secs(600);
/// Every process has its grace, one after the other in the worst case.
const STOP_WITHIN: Duration = Duration::from_secs(150);

pub(crate) struct Dev {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: Lines<BufReader<ChildStderr>>,
}

/// The compiled program, with its state files in `runtime`.
pub(crate) fn spillway(runtime: &Path) -> Command {
    at(Path::new(env!("CARGO_BIN_EXE_spillway")), runtime)
}

/// A program, with its state files in `runtime`.
pub(crate) fn at(program: &Path, runtime: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("XDG_RUNTIME_DIR", runtime).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs the compiled program to its end.
pub(crate) async fn run(runtime: &Path, args: &[&str]) -> Output {
    spillway(runtime).args(args).output().await.unwrap()
}

impl Dev {
    pub(crate) fn start(runtime: &Path, args: &[&str]) -> Self {
        Self::of(spillway(runtime), args)
    }

    /// Starts another build of the program.
    pub(crate) fn of(mut program: Command, args: &[&str]) -> Self {
        let mut child = program
            .arg("dev")
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, stdout, stderr }
    }

    pub(crate) fn id(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().cast_signed())
    }

    /// The words on standard error, up to the line that begins with `last`.
    pub(crate) async fn words_until(&mut self, last: &str) -> Vec<String> {
        until(&mut self.stderr, last).await
    }

    /// The data on standard output, up to the line that begins with `last`.
    pub(crate) async fn data_until(&mut self, last: &str) -> Vec<String> {
        until(&mut self.stdout, last).await
    }

    /// Sends a signal and waits for the end, with the words until then.
    pub(crate) async fn stop(&mut self, signal: Signal) -> (ExitStatus, Vec<String>) {
        kill(self.id(), signal).unwrap();
        self.ended().await
    }

    /// Waits for the end, with the words until then.
    pub(crate) async fn ended(&mut self) -> (ExitStatus, Vec<String>) {
        let mut words = Vec::new();
        let end = async {
            while let Ok(Some(line)) = self.stderr.next_line().await {
                words.push(line);
            }
            self.child.wait().await.unwrap()
        };
        let ended = timeout(STOP_WITHIN, end).await;
        let status = ended.unwrap_or_else(|_| panic!("it did not end: {}", words.join("\n")));
        (status, words)
    }
}

async fn until<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>, last: &str) -> Vec<String> {
    let mut all = Vec::new();
    let read = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let found = line.starts_with(last);
            all.push(line);
            if found {
                return true;
            }
        }
        false
    };
    let found = timeout(START_WITHIN, read).await.unwrap_or(false);
    assert!(found, "no line {last}: {}", all.join("\n"));
    all
}
