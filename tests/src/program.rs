//! One process of the system under test, on a port of its own.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use devstack::{PortLease, Process, Ready, Spec, Stack, StopSignal};

use crate::Client;

/// A debug build on a loaded machine may need many moments.
const START_WITHIN: Duration = Duration::from_secs(180);
/// In which a process ends itself, and more than that.
const STOP_DEADLINE_S: &str = "60";
const GRACE: Duration = Duration::from_secs(75);

/// A process of the system; it may be killed, paused, stopped and started again, on the same port.
#[derive(Debug)]
pub struct Program {
    process: Process,
    url: String,
    _port: PortLease,
}

impl Program {
    /// A program that is not started yet; its log is `<name>.log`.
    pub(crate) fn new(
        stack: &Stack,
        env: &[(&'static str, String)],
        name: &str,
        path: &Path,
    ) -> anyhow::Result<Self> {
        let port = PortLease::random()?;
        let listen = format!("127.0.0.1:{}", port.port());
        let url = format!("http://{listen}");
        let spec = Spec::new(name, path, stack.logs().join(format!("{name}.log")))
            .args(["--listen", &listen])
            .envs(env.iter().cloned())
            .envs([("STOP_DEADLINE_S", STOP_DEADLINE_S)])
            .ready(Ready::Http(format!("{url}/readyz")))
            .start_within(START_WITHIN)
            .stop(StopSignal::Terminate, GRACE);
        Ok(Self { process: Process::new(spec), url, _port: port })
    }

    /// Its base URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts it and waits until it is ready.
    ///
    /// # Errors
    /// It died or did not become ready; the last lines of its log are in the text.
    pub async fn start(&self) -> anyhow::Result<()> {
        Ok(self.process.start().await?)
    }

    /// Kills it with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    /// It did not run.
    pub async fn kill(&self) -> anyhow::Result<()> {
        let status = self.process.kill().await;
        anyhow::ensure!(status.is_some(), "{} did not run when it was killed", self.name());
        Ok(())
    }

    /// Sends SIGTERM and waits for its orderly end.
    ///
    /// # Errors
    /// It did not run, did not end in time, or ended with an error.
    pub async fn term(&self) -> anyhow::Result<()> {
        let status = self.process.stop().await;
        let in_order = status.is_some_and(|status| status.success());
        anyhow::ensure!(in_order, "{} did not end in order: {status:?}", self.name());
        Ok(())
    }

    /// Stops it in its tracks, as a long pause of its machine would.
    ///
    /// # Errors
    /// It does not run.
    pub fn pause(&self) -> anyhow::Result<()> {
        Ok(self.process.pause()?)
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// It does not run.
    pub fn resume(&self) -> anyhow::Result<()> {
        Ok(self.process.resume()?)
    }

    /// Whether it runs or is paused.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_running()
    }

    /// The sum of a metric's samples that have this text among their labels.
    ///
    /// # Errors
    /// The process does not answer.
    pub async fn metric(&self, name: &str, label: &str) -> anyhow::Result<f64> {
        let metrics = Client::new(self.url(), self.url())?.get("/metrics").await?;
        let text = metrics.body.as_str().context("the metrics are no text")?;
        let samples = text.lines().filter_map(|line| {
            let (sample, value) = line.rsplit_once(' ')?;
            let labels = sample.strip_prefix(name)?;
            let is_wanted =
                (labels.is_empty() || labels.starts_with('{')) && labels.contains(label);
            is_wanted.then(|| value.parse::<f64>().ok())?
        });
        Ok(samples.sum())
    }

    /// How many lines of its log hold these words, over all of its starts.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn says(&self, words: &str) -> anyhow::Result<usize> {
        let log = std::fs::read(self.log())?;
        Ok(String::from_utf8_lossy(&log).lines().filter(|line| line.contains(words)).count())
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Its name, such as `command-api-1`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.process.name()
    }

    pub(crate) fn log(&self) -> &Path {
        self.process.log()
    }
}
