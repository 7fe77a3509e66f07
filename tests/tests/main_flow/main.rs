//! The life of products and orders, from HTTP through the log to the read models and back.

mod live;
mod metrics;
mod order;
mod reading;
mod rules;
mod tool;
mod trace;

use std::time::Duration;

use anyhow::Context as _;
use events::{command::Parameters, profile::Profile};
use serde_json::json;
use spillway_tests::{Client, Collector, Snapshots, System, SystemOptions, until};

/// Long enough for every payment here, short enough to be waited for.
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn an_order_lives_from_http_through_the_log_to_the_read_models() -> anyhow::Result<()> {
    let payment_deadline_ms = i64::try_from(DEADLINE.as_millis())?;
    let parameters = Parameters { payment_deadline_ms, ..Profile::LOCAL.parameters() };
    let collector = Collector::start().await?;
    let env = collector.env();
    let snapshots = Some(Snapshots { records: 10, every_s: 1 });
    let options = SystemOptions { parameters, env, snapshots, ..SystemOptions::default() };
    let system = System::start(options).await?;
    let client = system.client()?;

    let late = rules::late_order_is_reserved(&client).await?;
    every_process_serves_its_housekeeping(&system).await?;
    order::a_product_is_registered_stocked_and_read_back(&client).await?;
    order::an_order_is_reserved_paid_shipped_and_read_back(&system, &client).await?;
    order::an_order_may_span_shards(&client).await?;
    rules::a_repeat_gets_the_stored_answer(&client).await?;
    rules::a_stale_version_changes_nothing(&client).await?;
    rules::a_rejected_order_names_its_refused_lines(&client).await?;
    rules::a_price_above_the_limit_of_its_line_is_refused(&client).await?;
    rules::a_cancelled_order_gives_its_stock_back(&client).await?;
    reading::lists_come_in_pages(&client).await?;
    live::a_stream_shows_what_happens_and_goes_on(&client).await?;
    tool::what_is_written_can_be_watched_and_read_again(&system, &client).await?;
    tool::why_an_order_is_as_it_is_can_be_asked(&system, &client).await?;
    trace::a_trace_goes_from_the_request_to_the_rows(&system, &client, &collector).await?;
    rules::an_order_that_is_not_paid_expires(&client, &late).await?;
    the_metrics_tell_of_it(&system).await?;
    metrics::the_documented_metrics_are_those_that_are_shown(&system).await?;
    no_deadline_is_left(&client).await?;

    system.settle().await?;
    let verdict = system.tool.verify().await?.is_ok();
    assert_eq!(verdict.count("shards"), 8);
    assert_eq!(verdict.count("foreign"), 0);
    assert!(verdict.count("rows") > verdict.count("orders"), "{:#}", verdict.report);
    system.stop().await
}

async fn every_process_serves_its_housekeeping(system: &System) -> anyhow::Result<()> {
    let all = [
        ("command-api", &system.command_apis[0]),
        ("projector", &system.projectors[0]),
        ("query-api", &system.query_apis[0]),
    ];
    for (name, program) in all {
        let client = Client::new(program.url(), program.url())?;
        assert_eq!(client.get("/livez").await?.is(200).body["live"], true, "{name}");
        assert_eq!(client.get("/readyz").await?.is(200).body["ready"], true, "{name}");
        assert_eq!(client.get("/startupz").await?.is(200).body["started"], true, "{name}");
        assert_eq!(client.get("/version").await?.is(200).body["name"], name);
        let metrics = client.get("/metrics").await?.is(200);
        assert!(metrics.header("content-type").starts_with("text/plain"), "{name}");
        let _ = client.get("/nowhere").await?.is_problem(404, "not-found");
    }
    for program in [&system.command_apis[0], &system.query_apis[0]] {
        let api = Client::new(program.url(), program.url())?.get("/openapi.json").await?.is(200);
        assert!(api.body["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
        assert!(api.body["paths"]["/v1/orders"].is_object());
    }
    Ok(())
}

/// An order that still waited would be expired by a command of its own while the system is verified.
async fn no_deadline_is_left(client: &Client) -> anyhow::Result<()> {
    until("no order waits for its payment", async || {
        let waiting = client.get("/v1/orders?status=reserved").await?.is(200);
        anyhow::ensure!(waiting.body["items"] == json!([]), "{}", waiting.body);
        Ok(())
    })
    .await
}

async fn the_metrics_tell_of_it(system: &System) -> anyhow::Result<()> {
    let expected = [
        (&system.command_apis[0], "http_server_request_duration_seconds_count", "/v1/orders"),
        (&system.command_apis[0], "spillway_shard_steps_total", ""),
        (&system.projectors[0], "projector_events_applied_total", "projection=\"orders\""),
        (&system.query_apis[0], "query_position_wait_seconds_count", "read_model=\"orders\""),
    ];
    for (program, name, label) in expected {
        let metrics = Client::new(program.url(), program.url())?.get("/metrics").await?.is(200);
        let text = metrics.body.as_str().context("no text")?;
        let told = text.lines().any(|line| line.starts_with(name) && line.contains(label));
        assert!(told, "no {name} with {label} in {text}");
    }
    Ok(())
}
