//! Every process shows the metrics that docs/metrics.md names, and no others.

use std::collections::BTreeSet;

use spillway_tests::{Client, Program, System, until};

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md"));

pub(crate) async fn the_documented_metrics_are_those_that_are_shown(
    system: &System,
) -> anyhow::Result<()> {
    let command_api = ["Every process", "command-api and projector", "command-api"];
    let command_api = [&command_api[..], &["command-api with `--snapshots`"]].concat();
    let all: [(&Program, &[&str]); 3] = [
        (&system.command_apis[0], &command_api),
        (&system.projectors[0], &["Every process", "command-api and projector", "projector"]),
        (&system.query_apis[0], &["Every process", "query-api"]),
    ];
    for (program, sections) in all {
        let documented: BTreeSet<&str> = sections.iter().flat_map(|title| named(title)).collect();
        assert!(documented.len() > 10, "{sections:?}: {documented:?}");
        // Gauges that are measured now and then may take a moment.
        until("every documented metric is shown", async || {
            let metrics = Client::new(program.url(), program.url())?.get("/metrics").await?.is(200);
            let text = metrics.body.as_str().unwrap_or_default();
            let shown: BTreeSet<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
                .collect();
            let missing: Vec<&&str> = documented.difference(&shown).collect();
            let undocumented: Vec<&&str> = shown.difference(&documented).collect();
            anyhow::ensure!(
                missing.is_empty() && undocumented.is_empty(),
                "{}: missing {missing:?}, not in docs/metrics.md {undocumented:?}",
                program.name()
            );
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// The names in the table of a section.
fn named(title: &str) -> Vec<&'static str> {
    let heading = format!("## {title}\n");
    let Some((_, section)) = DOCUMENT.split_once(&heading) else {
        panic!("docs/metrics.md has no section {title}");
    };
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}
