//! Metrics in the Prometheus text format: the recorder, its buckets, and `/metrics`.
//!
//! Names end in their unit (`_seconds`, `_bytes`); labels are bounded (route templates, never
//! paths). Every histogram in seconds has the same buckets, so that they can be compared.

use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use tokio_util::sync::CancellationToken;

use crate::build::Build;

/// Upper bounds of the latency buckets in seconds: from a fast command to an HTTP timeout.
pub const LATENCY_BUCKETS_SECONDS: [f64; 17] = [
    0.000_5, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
    10.0, 30.0,
];

/// How often samples are folded into their buckets; without it they pile up between scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// The process's metrics, ready to be rendered. Clones show the same metrics.
#[derive(Debug, Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
    /// Time, memory and files of the process.
    process: Option<Collector>,
}

impl Metrics {
    /// Installs the recorder for the whole process and says which build runs
    /// (`process_build_info`, always 1).
    ///
    /// # Errors
    /// When the process already has a recorder.
    pub fn install(build: &Build) -> Result<Self, BuildError> {
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &LATENCY_BUCKETS_SECONDS)?
            .install_recorder()?;
        metrics::describe_gauge!(
            "process_build_info",
            "Always 1; the labels say which build runs."
        );
        metrics::gauge!(
            "process_build_info",
            "name" => build.name,
            "version" => build.version,
            "revision" => build.revision.unwrap_or("unknown"),
        )
        .set(1.0);
        let process = Collector::default();
        process.describe();
        Ok(Self { handle, process: Some(process) })
    }

    /// Metrics that show nothing: for an application that runs inside a test, where the recorder,
    /// of which a process has one, belongs to nobody.
    #[must_use]
    pub fn detached() -> Self {
        Self { handle: PrometheusBuilder::new().build_recorder().handle(), process: None }
    }

    /// Everything recorded so far, in the Prometheus text format.
    #[must_use]
    pub fn render(&self) -> String {
        if let Some(process) = &self.process {
            process.collect();
        }
        self.handle.render()
    }

    /// Bounds the memory of histograms between scrapes, until `stop`.
    pub async fn keep(self, stop: CancellationToken) {
        let mut every = tokio::time::interval(UPKEEP_EVERY);
        while stop.run_until_cancelled(every.tick()).await.is_some() {
            self.handle.run_upkeep();
        }
    }
}
