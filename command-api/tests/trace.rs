//! The trace of a request goes on in the record that it becomes.

mod support;

use service::config::{LogArgs, LogFormat, TraceArgs};
use support::{Bench, order};

#[tokio::test]
async fn a_traceparent_is_continued_in_the_record() {
    let log = LogArgs { log_filter: "off".to_owned(), log_format: LogFormat::Text };
    let trace = TraceArgs { trace_sample_ratio: 0.0, otlp_endpoint: None };
    let build = service::build!();
    let _telemetry = service::telemetry::init(&build, &log, &trace).expect("the first subscriber");
    let bench = Bench::willing();
    let sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    bench.post_with("/v1/orders", "traceparent", sent, &order()).await;
    let taken = bench.taken();
    let recorded = taken[0].header("traceparent").expect("a traceparent");
    assert_eq!((&recorded[..36], &recorded[52..]), (&sent[..36], &sent[52..]));
    assert_ne!(recorded[36..52], sent[36..52], "the span is the edge's own");
    let names: Vec<_> = taken[0].headers.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.last(), Some(&"traceparent"));
}
