//! One look at a running system, and its tables.

use futures::future::join_all;
use serde::Serialize;

use super::{
    probe::{self, Readiness},
    projections::{self, Projection},
    shards::{self, Shard},
};
use crate::{
    output::{self, Row},
    running::{Running, Service},
};

/// How a system is.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    running: Shown,
    /// Whether every process is.
    pub(super) ready: bool,
    processes: Vec<Readiness>,
    shards: Vec<Shard>,
    projections: Vec<Projection>,
}

/// The part of the state file that is shown.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    pid: u32,
    started_at: chrono::DateTime<chrono::Utc>,
    url: String,
}

impl Report {
    /// Asks every process, all at once.
    pub(super) async fn of(http: &reqwest::Client, running: &Running) -> Self {
        let looks = join_all(running.processes.iter().map(|process| look(http, process))).await;
        let (processes, metrics): (Vec<_>, Vec<_>) = looks.into_iter().unzip();
        // Every process has its own names, so that all texts can be read as one.
        let metrics = metrics.concat();
        let database_url = running.environment.get("DATABASE_URL").map(String::as_str);
        Self {
            running: Shown {
                id: running.id.clone(),
                pid: running.pid,
                started_at: running.started_at,
                url: running.url.clone(),
            },
            ready: processes.iter().all(|process: &Readiness| process.ready),
            processes,
            shards: shards::of(&metrics),
            projections: projections::look(&metrics, database_url).await,
        }
    }

    /// The tables for people, with a blank line between them.
    pub(super) fn tables(&self) -> String {
        let Shown { id, pid, started_at, url } = &self.running;
        let since = started_at.format("%Y-%m-%d %H:%M:%S UTC");
        let mut text = format!("{id}  {url}  process {pid}, since {since}\n");
        text += &table(&self.processes);
        text += &table(&self.shards);
        text += &table(&self.projections);
        text
    }
}

/// A table with a blank line before it; nothing when it has no rows.
fn table<R: Row>(rows: &[R]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    format!("\n{}", output::table(R::HEAD, rows.iter().map(Row::cells)))
}

async fn look(http: &reqwest::Client, process: &Service) -> (Readiness, String) {
    let (readiness, metrics) =
        tokio::join!(probe::readiness(http, process), probe::metrics(http, process));
    (readiness, metrics.unwrap_or_default())
}

impl Row for Readiness {
    const HEAD: &'static [&'static str] = &["process", "ready", "where", "waiting for"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            if self.ready { "yes" } else { "no" }.to_owned(),
            self.url.clone(),
            self.waiting_for.join("; "),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::running::tests::sample;

    #[tokio::test]
    async fn a_process_that_is_away_makes_the_system_not_ready() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let mut running = sample("a1");
        running.processes[0].url = url.clone();
        let http = crate::connect::local_http().unwrap();
        let report = Report::of(&http, &running).await;
        assert!(!report.ready);
        let text = report.tables();
        assert!(
            text.starts_with("a1  http://127.0.0.1:8080  process 4711, since 2026-11-18"),
            "{text}"
        );
        assert!(text.contains("nothing listens there"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["processes"][0]["url"], url);
        assert_eq!(json["id"], "a1");
    }
}
