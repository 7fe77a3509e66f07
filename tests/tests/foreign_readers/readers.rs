//! The consumers in `examples/`, as a downstream team runs them.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use spillway_tests::{System, WITHIN};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// A consumer: its language, its program, and the arguments that come first.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    pub(crate) language: &'static str,
    program: PathBuf,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
}

/// A consumer that runs until it is stopped.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    language: &'static str,
}

/// Writes a record of which one header is null, as clients of other languages may; the other header
/// of a link is as it must be.
const NULL_HEADER: &str = "
import sys
from confluent_kafka import Producer
servers, topic, name = sys.argv[1:]
link = {'origin': b'products/0:0:0:0', 'linkseq': b'1', name: None}
producer = Producer({'bootstrap.servers': servers})
producer.produce(topic, b'no event', partition=0, headers=list(link.items()))
sys.exit(producer.flush(60))
";

/// Both of them.
pub(crate) fn all(system: &System) -> anyhow::Result<[Reader; 2]> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let (python, java) = (examples.join("python-consumer"), examples.join("java-consumer"));
    for prepared in [python.join(".venv/prepared"), java.join("target/prepared")] {
        ensure!(prepared.is_file(), "{} is missing: run examples/prepare", prepared.display());
    }
    let target = java.join("target");
    let class_path = format!("{0}/classes:{0}/lib/*", target.display());
    let args = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect();
    let env = system.stack().env();
    let java = std::env::var_os("JAVA_HOME")
        .map_or_else(|| PathBuf::from("java"), |home| PathBuf::from(home).join("bin/java"));
    Ok([
        Reader {
            language: "Python",
            program: python.join(".venv/bin/python"),
            args: args(&[&python.join("stock.py").display().to_string()]),
            env: env.clone(),
        },
        Reader {
            language: "Java",
            program: java,
            args: args(&["-Xmx64m", "-XX:TieredStopAtLevel=1", "-cp", &class_path])
                .into_iter()
                .chain(["spillway.examples.StockReader".to_owned()])
                .collect(),
            env,
        },
    ])
}

impl Reader {
    /// Reads to what is the end of the log now; gives its last line.
    pub(crate) async fn to_end(&self, args: &[&str]) -> anyhow::Result<Value> {
        let ended = timeout(WITHIN, self.command(&[args, &["--to-end"]].concat()).output()).await;
        let output = ended.with_context(|| format!("{} did not end", self.language))??;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {}: {words}", self.language, output.status);
        last_line(&output.stdout).with_context(|| format!("{}: {words}", self.language))
    }

    /// Writes a record with a null header to partition 0, by the client of the Python consumer.
    pub(crate) async fn write_null_header(&self, topic: &str, name: &str) -> anyhow::Result<()> {
        let servers = self.env.iter().find(|(name, _)| *name == "KAFKA_BOOTSTRAP_SERVERS");
        let (_, servers) = servers.context("no brokers")?;
        let args = ["-c", NULL_HEADER, servers, topic, name];
        let output = Command::new(&self.program).args(args).output().await?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {words}", output.status);
        Ok(())
    }

    /// Lets it run.
    pub(crate) fn start(&self) -> anyhow::Result<Running> {
        let mut child = self.command(&[]).stderr(Stdio::inherit()).spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        Ok(Running { child, lines: BufReader::new(stdout).lines(), language: self.language })
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).args(args).envs(self.env.iter().map(|(n, v)| (*n, v.as_str())));
        // Nothing is written beside the sources.
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

impl Running {
    /// Waits until it prints this line.
    pub(crate) async fn prints(&mut self, expected: &Value) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + WITHIN;
        let mut seen = Vec::new();
        loop {
            let line = tokio::time::timeout_at(deadline, self.next()).await;
            match line.with_context(|| format!("{}: only {seen:?}", self.language))?? {
                line if line == *expected => return Ok(()),
                line => seen.push(line),
            }
        }
    }

    /// Sends SIGTERM; gives its last line.
    pub(crate) async fn stop(mut self) -> anyhow::Result<Value> {
        let id = self.child.id().context("it has ended")?.to_string();
        ensure!(Command::new("kill").arg(&id).status().await?.success(), "no signal to {id}");
        let mut last = Value::Null;
        let ended = timeout(Duration::from_secs(60), async {
            while let Ok(line) = self.next().await {
                last = line;
            }
            self.child.wait().await
        })
        .await;
        let status = ended.with_context(|| format!("{} did not stop", self.language))??;
        // A Java machine that was asked to end says so with 128 + 15.
        let in_order = status.success() || status.code() == Some(143);
        ensure!(in_order, "{} ended with {status}", self.language);
        Ok(last)
    }

    async fn next(&mut self) -> anyhow::Result<Value> {
        match self.lines.next_line().await? {
            Some(line) => Ok(serde_json::from_str(&line)?),
            None => bail!("{} has ended", self.language),
        }
    }
}

fn last_line(stdout: &[u8]) -> anyhow::Result<Value> {
    let text = std::str::from_utf8(stdout)?;
    Ok(serde_json::from_str(text.lines().last().context("it printed nothing")?)?)
}
