//! A command topic is switched to the writers' clocks. Log time stands still: what depends on it waits,
//! nothing is decided by a foreign clock, an alarm is raised, and no process starts. Switched back,
//! everything goes on.

use anyhow::{Context as _, ensure};
use eventlog::{Partition, Timestamp};
use events::{
    Kind, Topic,
    command::Parameters,
    header::{self, View},
    partitioner::shard_of,
    profile::Profile,
};
use spillway_tests::{System, SystemOptions, until};

const CONFIGS: &str = "kafka.admin.ConfigCommand";
const COMMANDS: Topic = Topic::Commands(Kind::Orders);
const NOTICES: &str = "spillway_shard_notices_total";
const FOREIGN: &str = r#"notice="foreign-timestamp""#;
/// Passes while the order waits with foreign timestamps, and again after they are gone.
const PAYMENT_DEADLINE_MS: i64 = 2_000;

#[tokio::test]
async fn foreign_timestamps_stop_log_time_raise_an_alarm_and_are_refused_at_the_start()
-> anyhow::Result<()> {
    let profile = Profile::REPLICATED;
    let parameters =
        Parameters { payment_deadline_ms: PAYMENT_DEADLINE_MS, ..profile.parameters() };
    let options = SystemOptions { profile, parameters, ..SystemOptions::default() };
    let system = System::start(options).await?;
    let client = system.client()?.patient();
    let instance = &system.command_apis[0];
    client.stock("A", 500, 100).await?;
    let _ = client.place("before", &[("A", 1)]).await?.is(201);
    until("the first order has expired", async || status(&system, "before", "expired").await)
        .await?;
    assert_eq!(instance.metric(NOTICES, FOREIGN).await?, 0.0);

    set_timestamp_type(&system, "CreateTime").await?;
    let _ = client.place("meanwhile", &[("A", 1)]).await?.is(201);
    until("the alarm counts", async || {
        let foreign = instance.metric(NOTICES, FOREIGN).await?;
        ensure!(foreign >= 1.0, "{foreign} records with foreign timestamps");
        Ok(())
    })
    .await?;
    // The order's deadline passes by every clock but the log's; Ticks cannot carry time either.
    let foreign = instance.metric(NOTICES, FOREIGN).await?;
    until("Ticks were tried past the deadline", async || {
        let now = instance.metric(NOTICES, FOREIGN).await?;
        ensure!(now >= foreign + 5.0, "{now} records with foreign timestamps");
        Ok(())
    })
    .await?;
    status(&system, "meanwhile", "reserved").await?;

    // A process that starts now says what is wrong and what to do.
    instance.term().await?;
    let refused = instance.start().await.err().context("it started on foreign timestamps")?;
    let sentence = "message.timestamp.type=CreateTime instead of LogAppendTime";
    ensure!(instance.says(sentence)? > 0, "{refused:#}");

    set_timestamp_type(&system, "LogAppendTime").await?;
    instance.start().await?;
    until("the order has expired", async || status(&system, "meanwhile", "expired").await).await?;
    let _ = client.place("after", &[("A", 1)]).await?.is(201);
    until("the last order has expired", async || status(&system, "after", "expired").await).await?;
    no_foreign_time_moved_the_log(&system, &profile).await?;
    system.settle().await?;
    let _ = system.tool.verify().await?.is_ok();
    system.stop().await
}

async fn set_timestamp_type(system: &System, to: &str) -> anyhow::Result<()> {
    let servers = system.stack().bootstrap_servers();
    let setting = format!("message.timestamp.type={to}");
    let args = ["--bootstrap-server", &servers, "--alter", "--topic", COMMANDS.name()];
    let args = [&args[..], &["--add-config", &setting]].concat();
    Ok(system.stack().kafka_tool(CONFIGS, &args).await?)
}

async fn status(system: &System, order: &str, wanted: &str) -> anyhow::Result<()> {
    let shown = system.client()?.get(&format!("/v1/orders/{order}")).await?;
    ensure!(shown.body["status"] == wanted, "{}", shown.body);
    Ok(())
}

/// Log time, as the events tell it, never ran ahead of the broker's timestamps.
async fn no_foreign_time_moved_the_log(system: &System, profile: &Profile) -> anyhow::Result<()> {
    let shard = shard_of(Kind::Orders, "meanwhile", profile.orders_partitions);
    let commands = system.log.read(Partition::of(COMMANDS, shard.partition)).await?;
    let mut now = 0;
    let times: Vec<i64> = commands
        .iter()
        .map(|record| {
            if let Timestamp::LogAppend(ms) = record.timestamp {
                now = now.max(ms);
            }
            now
        })
        .collect();
    ensure!(
        commands.iter().any(|record| matches!(record.timestamp, Timestamp::Create(_))),
        "no foreign timestamp lies in the log"
    );
    let events = Partition::of(Topic::Events(Kind::Orders), shard.partition);
    for event in system.log.read(events).await? {
        let headers = event.headers();
        let view = View(&headers);
        let origin = view.origin().context("an event without an origin")?;
        let told = view.text(header::CE_TIME).context("an event without a time")?;
        let expected = events::log_time::rfc3339(times[usize::try_from(origin.offset)?]);
        ensure!(told == expected, "{origin} tells {told} instead of {expected}");
    }
    Ok(())
}
