//! One look at a running system, and its tables.

use futures::future::join_all;
use serde::Serialize;

use super::{
    letters::{self, Letters},
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
    dead_letters: Vec<Letters>,
    /// Revision of the rules in force; absent while shards are under different ones, or none tells.
    rules_revision: Option<i64>,
}

/// Something that is wrong though every process is ready, and the command that looks into it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) what: String,
    pub(super) next: &'static str,
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
        let names = processes.iter().map(|process: &Readiness| process.name.as_str());
        let shards = shards::of(names.zip(metrics.iter().map(String::as_str)));
        // Projectors and command-apis have names of their own, so that all texts can be read as one.
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
            rules_revision: in_force(&shards),
            shards,
            dead_letters: letters::of(&metrics),
            projections: projections::look(&metrics, database_url).await,
            processes,
        }
    }

    /// What is wrong beside processes that are not ready, the worst first.
    pub(super) fn wrong(&self) -> Vec<Wrong> {
        let halted = self.shards.iter().filter(|shard| shard.halted).count();
        let gaps = self.projections.iter().filter(|projection| projection.gap).count();
        let letters: i64 = self.dead_letters.iter().map(Letters::count).sum();
        let found = [
            (halted > 0, format!("{halted} shards have stopped"), "spillway rules list"),
            (gaps > 0, format!("{gaps} partitions have a gap"), "spillway repair --help"),
            (letters > 0, format!("{letters} dead letters wait"), "spillway dead-letters list"),
        ];
        let found = found.into_iter().filter(|(is_wrong, ..)| *is_wrong);
        found.map(|(_, what, next)| Wrong { what, next }).collect()
    }

    /// One screen for people, a blank line between its tables. A wide one tells all of each shard, and of
    /// every partition of a projection.
    pub(super) fn screen(&self, is_wide: bool) -> String {
        let Shown { id, pid, started_at, url } = &self.running;
        let since = started_at.format("%Y-%m-%d %H:%M:%S UTC");
        let mut text = format!("{id}  {url}  process {pid}, since {since}\n");
        text += &table(&self.processes);
        if is_wide {
            text += &table(&self.shards);
            text += &table(&self.projections);
        } else {
            text += &table(&self.shards.iter().map(Shard::brief).collect::<Vec<_>>());
            text += &table(&projections::summarise(&self.projections));
        }
        text += &table(&self.dead_letters);
        let rules = self.rules_revision.map_or("none, or several".to_owned(), |r| r.to_string());
        let letters: i64 = self.dead_letters.iter().map(Letters::count).sum();
        text + &format!("\nrules revision in force: {rules}; dead letters: {letters}\n")
    }
}

/// The revision that every shard is under which tells of one.
fn in_force(shards: &[Shard]) -> Option<i64> {
    let mut told = shards.iter().filter_map(|shard| shard.rules_revision);
    let first = told.next()?;
    told.all(|revision| revision == first).then_some(first)
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
        let text = report.screen(false);
        assert!(
            text.starts_with("a1  http://127.0.0.1:8080  process 4711, since 2026-11-18"),
            "{text}"
        );
        assert!(text.contains("nothing listens there"), "{text}");
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["processes"][0]["url"], url);
        assert_eq!(json["id"], "a1");
        assert_eq!(report.wrong(), []);
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_with_where_to_look() {
        let metrics = "\
spillway_shard_owned{kind=\"orders\",partition=\"1\"} 1
spillway_shard_halted{kind=\"orders\",partition=\"1\"} 1
spillway_shard_rules_revision{kind=\"orders\",partition=\"1\"} 3
projector_gap_open{projection=\"orders\",topic=\"orders.events.v1\",partition=\"9\"} 1
projector_dead_letters_waiting{projection=\"orders\",class=\"unfit\"} 2
";
        let router = axum::Router::new()
            .route("/metrics", axum::routing::get(async move || metrics))
            .route("/readyz", axum::routing::get(async || r#"{"ready": true}"#));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut running = sample("a1");
        running.processes[0].url = format!("http://{}", listener.local_addr().unwrap());
        running.environment.clear();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let report = Report::of(&crate::connect::local_http().unwrap(), &running).await;
        assert!(report.ready);
        let wrong: Vec<String> = report.wrong().into_iter().map(|wrong| wrong.what).collect();
        let expected = ["1 shards have stopped", "1 partitions have a gap", "2 dead letters wait"];
        assert_eq!(wrong, expected);
        let screen = report.screen(false);
        assert!(screen.ends_with("rules revision in force: 3; dead letters: 2\n"), "{screen}");
    }
}
