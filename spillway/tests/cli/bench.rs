//! `spillway bench` on a running system: moments of load, and a report of the shape that
//! docs/benchmarks.md describes.

use std::path::Path;

use serde_json::Value;

use crate::support::spillway;

/// Measures for moments: what is checked is that it measures, not how fast anything is.
const MOMENTS: [&str; 10] = [
    "--seconds=0.3",
    "--warm-up=0.1",
    "--clients=2",
    "--rates=20",
    "--connections=4",
    "--rounds=2",
    "--output",
    "json",
    "--url",
    "",
];

/// Orders and queries are measured beside their baselines.
pub(crate) async fn measures(runtime: &Path, url: &str, database_url: &str) {
    let orders = report(runtime, url, database_url, &["orders", "--only=hot,sold-out"]).await;
    let version = orders["environment"]["versions"]["postgres"].as_str();
    assert!(version.is_some_and(|version| version.starts_with("17")), "{orders:#}");
    for workload in ["hot", "sold-out"] {
        for load in ["closed", "open"] {
            let spillway = line(&orders, workload, load, "spillway");
            for baseline in ["echo", "postgres"] {
                is_positive(&line(&orders, workload, load, baseline)["per_second"]);
                assert!(spillway["of"][baseline]["per_second"].is_f64(), "{spillway:#}");
                assert!(spillway["of"][baseline]["p99"].is_f64(), "{spillway:#}");
            }
        }
    }
    // 20 a second for 0.3 s, twice. Nothing is lost on the way, however slow the machine is; what it
    // answers then may be that there is too much to do.
    let open = line(&orders, "hot", "open", "spillway");
    let counts = ["answers", "busy", "late", "unsent"].map(|name| open[name].as_u64().unwrap());
    assert_eq!(counts.iter().sum::<u64>(), 12, "{open:#}");

    let queries = report(runtime, url, database_url, &["queries"]).await;
    for workload in ["cached", "list"] {
        let spillway = line(&queries, workload, "closed", "spillway");
        is_positive(&spillway["of"]["bare"]["p50"]);
        assert!(spillway["hits"].is_u64(), "{spillway:#}");
    }
    let lines = queries["lines"].as_array().unwrap();
    let is_uncached = |line: &Value| line["workload"] == "uncached";
    assert!(!lines.iter().any(is_uncached), "a running system has its caches: {queries:#}");
}

async fn report(runtime: &Path, url: &str, database_url: &str, args: &[&str]) -> Value {
    let mut common = MOMENTS;
    common[9] = url;
    let mut command = spillway(runtime);
    command.arg("bench").args(args).args(common).env("DATABASE_URL", database_url);
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

#[track_caller]
fn line<'a>(report: &'a Value, workload: &str, load: &str, subject: &str) -> &'a Value {
    let lines = report["lines"].as_array().unwrap();
    let wanted = |line: &&Value| {
        line["workload"] == workload && line["load"]["kind"] == load && line["subject"] == subject
    };
    lines.iter().find(wanted).unwrap_or_else(|| panic!("{workload} {load} {subject}: {report:#}"))
}

#[track_caller]
fn is_positive(figure: &Value) {
    assert!(figure.as_f64().is_some_and(|figure| figure > 0.0), "{figure}");
}
