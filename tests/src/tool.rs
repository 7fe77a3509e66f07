//! `spillway`, the tool, as a user runs it: a child with the addresses of the stack.

use std::{path::PathBuf, process::Stdio, time::Duration};

use anyhow::Context as _;
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// Above everything that one run of the tool does here.
const WITHIN: Duration = Duration::from_secs(240);

/// The tool, ready to be run.
#[derive(Debug, Clone)]
pub struct Tool {
    program: PathBuf,
    env: Vec<(&'static str, String)>,
}

/// What `spillway verify` says.
#[derive(Debug)]
pub struct Verdict {
    /// The exit code.
    pub code: i32,
    /// The report, as `--output json` prints it.
    pub report: Value,
}

impl Tool {
    pub(crate) fn new(program: PathBuf, env: Vec<(&'static str, String)>) -> Self {
        Self { program, env }
    }

    /// Runs a verb to its end; gives the exit code and the JSON of its standard output.
    ///
    /// # Errors
    /// It does not end in time, is killed, or prints something else; its words are in the text.
    pub async fn run(&self, args: &[&str]) -> anyhow::Result<(i32, Value)> {
        let (code, data, words) = self.output(args).await?;
        let report = serde_json::from_slice(&data)
            .with_context(|| format!("{args:?} ended with {code} and said: {words}"))?;
        Ok((code, report))
    }

    /// Runs a verb that must succeed; gives the JSON lines of its standard output.
    ///
    /// # Errors
    /// It does not succeed, or prints something else.
    pub async fn lines(&self, args: &[&str]) -> anyhow::Result<Vec<Value>> {
        let (code, data, words) = self.output(&[args, &["--output", "jsonl"]].concat()).await?;
        anyhow::ensure!(code == 0, "{args:?} ended with {code} and said: {words}");
        let text = std::str::from_utf8(&data)?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Runs a verb that must succeed; gives what it prints for people: data and words.
    ///
    /// # Errors
    /// It does not succeed.
    pub async fn told(&self, args: &[&str]) -> anyhow::Result<(String, String)> {
        let (code, data, words) = self.output(args).await?;
        anyhow::ensure!(code == 0, "{args:?} ended with {code} and said: {words}");
        Ok((String::from_utf8(data)?, words))
    }

    /// Starts a verb that does not end by itself, with its standard output to be read.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self, args: &[&str]) -> anyhow::Result<Child> {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {args:?}"))
    }

    async fn output(&self, args: &[&str]) -> anyhow::Result<(i32, Vec<u8>, String)> {
        let ended = timeout(WITHIN, self.command(args).output()).await;
        let output = ended.with_context(|| format!("{args:?} did not end in time"))??;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        let code = output.status.code().with_context(|| format!("{args:?} was killed: {words}"))?;
        Ok((code, output.stdout, words))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs a verb that must succeed; gives the JSON of its standard output.
    ///
    /// # Errors
    /// It does not succeed.
    pub async fn done(&self, args: &[&str]) -> anyhow::Result<Value> {
        let (code, data, words) = self.output(&[args, &["--output", "json"]].concat()).await?;
        let told = String::from_utf8_lossy(&data);
        anyhow::ensure!(code == 0, "{args:?} ended with {code} and said: {words}\n{told}");
        serde_json::from_str(&told).with_context(|| format!("{args:?} printed {told}"))
    }

    /// Verifies the system.
    ///
    /// # Errors
    /// As [`Tool::run`].
    pub async fn verify(&self) -> anyhow::Result<Verdict> {
        let (code, report) = self.run(&["verify", "--output", "json"]).await?;
        Ok(Verdict { code, report })
    }
}

impl Verdict {
    /// Asserts that nothing is wrong and nothing is left undecided.
    #[must_use]
    #[track_caller]
    pub fn is_ok(self) -> Self {
        assert_eq!((self.code, &self.report["ok"]), (0, &Value::Bool(true)), "{:#}", self.report);
        assert_eq!(self.count("undecided"), 0, "{:#}", self.report);
        assert_eq!(self.count("parked"), 0, "{:#}", self.report);
        self
    }

    /// Asserts that something is wrong, and that every violation is of one of these kinds.
    #[must_use]
    #[track_caller]
    pub fn is_wrong(self, kinds: &[&str]) -> Self {
        assert_eq!((self.code, &self.report["ok"]), (1, &Value::Bool(false)), "{:#}", self.report);
        let totals = self.report["violations_total"].as_object();
        let found: Vec<&str> = totals.into_iter().flatten().map(|(kind, _)| &**kind).collect();
        assert_eq!(found, kinds, "{:#}", self.report);
        self
    }

    /// One of the report's counts.
    #[must_use]
    #[track_caller]
    pub fn count(&self, name: &str) -> u64 {
        let count = self.report["counts"][name].as_u64();
        count.unwrap_or_else(|| panic!("no count {name}: {:#}", self.report))
    }

    /// Places of the violations of one kind.
    #[must_use]
    pub fn places(&self, kind: &str) -> Vec<&str> {
        let violations = self.report["violations"].as_array();
        let of_kind = violations.into_iter().flatten().filter(|found| found["kind"] == kind);
        of_kind.filter_map(|found| found["place"].as_str()).collect()
    }
}
