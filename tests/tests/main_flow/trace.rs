//! One trace, from the request through both shards to the rows.

use std::collections::BTreeSet;

use anyhow::Context as _;
use eventlog::{Partition, Record};
use events::{Kind, Topic, header, partitioner::shard_of, profile::Profile};
use spillway_tests::{Answer, Client, Collector, Span, SpanKind, System, order_body, until};

/// The caller's trace, and its own span.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

pub(crate) async fn a_trace_goes_from_the_request_to_the_rows(
    system: &System,
    client: &Client,
    collector: &Collector,
) -> anyhow::Result<()> {
    let request = client
        .post("/v1/orders")
        .header("idempotency-key", "place o-traced")
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"))
        .header("x-request-id", "the-traced-request");
    let placed =
        Answer::to(request.json(&order_body("o-traced", &[("TICKET-A", 1)]))).await?.is(201);
    assert_eq!(placed.header("x-request-id"), "the-traced-request");
    let _ = client.get_after(&placed, "/v1/orders/o-traced").await?.is(200);
    the_records_carry_it(system).await?;
    let spans = until("every process has told its part", async || {
        let spans = collector.trace(TRACE);
        // The events of the order are the last that are applied.
        let shown = spans.iter().filter(|span| is(span, "projector", "process orders.events.v1"));
        let count = shown.filter(|span| span.attributes["spillway.projection"] == "orders").count();
        anyhow::ensure!(count >= 2, "{spans:#?}");
        let answered = spans.iter().any(|span| is(span, "command-api", "POST /v1/orders"));
        anyhow::ensure!(answered, "{spans:#?}");
        the_spans_are_one_tree(&spans)?;
        Ok(spans)
    })
    .await?;

    // Up from the row: each span's parent is what led to it.
    let reserved = spans
        .iter()
        .filter(|span| is(span, "projector", "process orders.events.v1"))
        .max_by_key(|span| span.attributes["messaging.kafka.offset"].parse::<i64>().ok())
        .context("no event was shown")?;
    let way: Vec<(&str, &str, SpanKind)> = way_up(&spans, reserved)
        .into_iter()
        .map(|span| (span.service.as_str(), span.name.as_str(), span.kind))
        .collect();
    let expected = [
        ("projector", "process orders.events.v1", SpanKind::Consumer),
        ("command-api", "send orders.events.v1", SpanKind::Producer),
        ("command-api", "process orders.commands.v1", SpanKind::Consumer),
        ("command-api", "send orders.commands.v1", SpanKind::Producer),
        ("command-api", "process products.commands.v1", SpanKind::Consumer),
        ("command-api", "send products.commands.v1", SpanKind::Producer),
        ("command-api", "process orders.commands.v1", SpanKind::Consumer),
        ("command-api", "POST /v1/orders", SpanKind::Server),
    ];
    assert_eq!(way, expected, "{spans:#?}");
    let shards: BTreeSet<&str> = spans
        .iter()
        .filter_map(|span| Some(span.attributes.get("spillway.shard")?.as_str()))
        .collect();
    assert!(shards.iter().any(|shard| shard.starts_with("orders/")), "{shards:?}");
    assert!(shards.iter().any(|shard| shard.starts_with("products/")), "{shards:?}");
    Ok(())
}

/// Every span but the first has its parent among the others, and none is told twice.
fn the_spans_are_one_tree(spans: &[Span]) -> anyhow::Result<()> {
    let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).collect();
    anyhow::ensure!(ids.len() == spans.len(), "an id is told twice: {spans:#?}");
    for span in spans {
        let is_known = span.parent == CALLER || ids.contains(span.parent.as_str());
        anyhow::ensure!(is_known, "nobody knows the parent of {span:#?}");
        anyhow::ensure!(span.began_ns <= span.ended_ns, "{span:#?}");
    }
    Ok(())
}

/// A span and those above it.
fn way_up<'a>(spans: &'a [Span], from: &'a Span) -> Vec<&'a Span> {
    let above = |span: &&'a Span| spans.iter().find(|above| above.id == span.parent);
    std::iter::successors(Some(from), above).collect()
}

fn is(span: &Span, service: &str, name: &str) -> bool {
    span.service == service && span.name == name
}

async fn the_records_carry_it(system: &System) -> anyhow::Result<()> {
    let number = shard_of(Kind::Orders, "o-traced", Profile::LOCAL.orders_partitions).partition;
    for topic in [Topic::Commands(Kind::Orders), Topic::Events(Kind::Orders)] {
        let records = system.log.read(Partition::of(topic, number)).await?;
        let of_order: Vec<&Record> =
            records.iter().filter(|record| record.key() == Some(&b"o-traced"[..])).collect();
        // In one the command and the product shard's answer, in the other what they led to.
        assert_eq!(of_order.len(), 2, "{topic}");
        for record in of_order {
            let parent = record.header(header::TRACEPARENT).unwrap_or_default();
            let parent = std::str::from_utf8(parent)?;
            assert!(parent.starts_with(&format!("00-{TRACE}-")), "{topic}: {parent}");
            assert!(parent.ends_with("-01"), "{topic}: {parent}");
        }
    }
    Ok(())
}
