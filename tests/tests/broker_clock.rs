//! One broker's clock jumps an hour ahead, and back. Log time is the brokers' clock: deadlines of the
//! shards that it leads come early, as the operators' page says. Nothing else changes, an alarm counts,
//! and nothing is oversold.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use events::{Kind, Topic, command::Parameters, partitioner::shard_of, profile::Profile};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use serde_json::json;
use spillway_tests::{Client, System, SystemOptions, until};

/// Far beyond this test, and well within the hour.
const PAYMENT_DEADLINE_MS: i64 = 600_000;
const AHEAD: Duration = Duration::from_secs(3_600);
const PIECES: i64 = 6;
const ALARM: &str = "eventlog_clock_differences_total";
const WITHIN: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_brokers_clock_an_hour_ahead_makes_deadlines_early_and_oversells_nothing()
-> anyhow::Result<()> {
    let profile = Profile::REPLICATED;
    let parameters =
        Parameters { payment_deadline_ms: PAYMENT_DEADLINE_MS, ..profile.parameters() };
    let options = SystemOptions { profile, parameters, clocks: true, ..SystemOptions::default() };
    let system = System::start(options).await?;
    let client = system.client()?.patient();
    client.stock("A", 500, PIECES).await?;

    let leaders = leaders(&system)?;
    let (wrong, early, right) = orders_apart(&profile, &leaders)?;
    let _ = client.place(&early[0], &[("A", 2)]).await?.is(201);
    let _ = client.place(&right, &[("A", 2)]).await?.is(201);
    assert_eq!(alarms(&system).await?, 0.0);

    system.stack().set_clock(wrong, AHEAD)?;
    // Any command carries the wrong time into the log, once the broker goes by it.
    let mut key = 0;
    until("the alarm counts", async || {
        key += 1;
        touch(&client, &early[1], key).await?;
        ensure!(alarms(&system).await? > 0.0, "no acknowledgement differed");
        Ok(())
    })
    .await?;
    until("the order has expired early", async || status(&client, &early[0], "expired").await)
        .await?;
    status(&client, &right, "reserved").await?;
    let late = client.cancel(&early[0]).await?.is(409);
    assert_eq!(late.code(), "expired");
    // Whatever the clocks say, there are no more pieces than came.
    sell_out(&client, &early[2]).await?;

    system.stack().set_clock(wrong, Duration::ZERO)?;
    let placed = client.place(&early[3], &[("A", 1)]).await?;
    ensure!(matches!(placed.status, 201 | 409), "{}", placed.body);
    system.settle().await?;
    let _ = system.tool.verify().await?.is_ok();
    system.stop().await
}

/// A command that is refused: it does no more than carry time into the log of the order's shard.
async fn touch(client: &Client, order: &str, key: usize) -> anyhow::Result<()> {
    let path = format!("/v1/orders/{order}/cancellation");
    let _ =
        client.command(&path, &format!("touch {key}"), &json!({"reason": "none"})).await?.is(404);
    Ok(())
}

/// Orders everything that is left, and one piece more.
async fn sell_out(client: &Client, order: &str) -> anyhow::Result<()> {
    let shown = client.get("/v1/products/A").await?.is(200);
    let number = |name: &str| shown.body[name].as_i64().context("no number");
    let left = number("on_hand")? - number("reserved")?;
    let refused = client.place(order, &[("A", left + 1)]).await?.is(409);
    assert_eq!(refused.code(), "out-of-stock");
    Ok(())
}

async fn alarms(system: &System) -> anyhow::Result<f64> {
    system.command_apis[0].metric(ALARM, r#"broker="ahead""#).await
}

async fn status(client: &Client, order: &str, wanted: &str) -> anyhow::Result<()> {
    let shown = client.get(&format!("/v1/orders/{order}")).await?;
    ensure!(shown.body["status"] == wanted, "{}", shown.body);
    Ok(())
}

/// The leader of each partition of the orders' command topic.
fn leaders(system: &System) -> anyhow::Result<Vec<i32>> {
    let servers = system.stack().bootstrap_servers();
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", servers).set("group.id", "none").create()?;
    let metadata = consumer.fetch_metadata(Some(Topic::Commands(Kind::Orders).name()), WITHIN)?;
    let topic = metadata.topics().first().context("no topic")?;
    let mut leaders: Vec<(i32, i32)> =
        topic.partitions().iter().map(|partition| (partition.id(), partition.leader())).collect();
    leaders.sort_unstable();
    Ok(leaders.into_iter().map(|(_, leader)| leader).collect())
}

/// The index of the broker that is to be wrong, four orders of a shard that it leads, and one of a
/// shard that another broker leads.
fn orders_apart(
    profile: &Profile,
    leaders: &[i32],
) -> anyhow::Result<(usize, [String; 4], String)> {
    let leader = |id: &String| {
        let shard = shard_of(Kind::Orders, id, profile.orders_partitions);
        leaders[usize::try_from(shard.partition).unwrap_or(0)]
    };
    let wrong = leader(&"o-0".to_owned());
    let shard = |id: &String| shard_of(Kind::Orders, id, profile.orders_partitions);
    let ids = || (0..1_000).map(|n| format!("o-{n}"));
    let mut early = ids().filter(|id| shard(id) == shard(&"o-0".to_owned()));
    let early = std::array::from_fn(|_| early.next().unwrap_or_default());
    let right = ids().find(|id| leader(id) != wrong).context("one broker leads all")?;
    Ok((usize::try_from(wrong - 1)?, early, right))
}
