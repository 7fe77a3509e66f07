//! A command topic is deleted: the truth is gone. A topic of the same name that somebody makes behind
//! the tool's back is not taken for it: its shards stop and say why, the others go on. What the shards
//! held can only be given up: `spillway topics apply --begin-anew` lets them begin empty, in a higher
//! incarnation, and the system serves again.

use anyhow::{Context as _, ensure};
use events::{Kind, Topic, partitioner::shard_of, profile::Profile};
use spillway_tests::{Client, System, SystemOptions, until};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const COMMANDS: Topic = Topic::Commands(Kind::Orders);
const HALTED: &str = "spillway_shard_halted";
const ORDERS: usize = 12;
const SENTENCE: &str = "is not the one that gave the events beside it";

#[tokio::test]
async fn a_command_topic_that_was_made_anew_stops_its_shards_until_their_past_is_given_up()
-> anyhow::Result<()> {
    let profile = Profile::REPLICATED;
    // A stopped shard keeps nobody waiting for long.
    let command_api_env = Vec::new();
    let options = SystemOptions { profile, command_api_env, ..SystemOptions::default() };
    let system = System::start(options).await?;
    let client = system.client()?.patient();
    let instance = &system.command_apis[0];
    client.stock("A", 500, 100).await?;
    for n in 0..ORDERS {
        let placed = client.place(&format!("o-{n}"), &[("A", 1)]).await?.is(201);
        if n % 2 == 0 {
            let _ = client.pay(&format!("o-{n}"), &placed).await?.is(200);
        }
    }
    system.settle().await?;

    delete_topic(&system).await?;
    the_tool_refuses_to_make_it_in_silence(&system).await?;
    make_topic_by_hand(&system, &profile).await?;
    // A shard that has never written anything has nothing to be held against.
    until("its shards have stopped", async || {
        for id in (0..ORDERS).map(|n| format!("o-{n}")) {
            let partition = shard_of(Kind::Orders, &id, profile.orders_partitions).partition;
            let labels = format!(r#"kind="orders",partition="{partition}""#);
            let halted = instance.metric(HALTED, &labels).await?;
            ensure!(halted == 1.0, "the shard of {id} has not stopped");
        }
        Ok(())
    })
    .await?;
    let ready = Client::new(instance.url(), instance.url())?.get("/readyz").await?;
    ensure!(ready.body.to_string().contains(SENTENCE), "{}", ready.body);
    // A stopped shard answers nothing, and the shards of the other topic work.
    let unknown = system.client()?.place("o-0", &[("A", 2)]).await?;
    ensure!(matches!(unknown.status, 202 | 503), "{} {}", unknown.status, unknown.body);
    let _ = client.receive("A", "meanwhile", 5).await?.is(200);

    delete_topic(&system).await?;
    instance.term().await?;
    until("the shards begin anew", async || {
        let done = system.tool.done(&["topics", "apply", "--begin-anew", "--yes"]).await?;
        ensure!(done.to_string().contains("begin-anew"), "{done}");
        Ok(())
    })
    .await?;
    instance.start().await?;
    let placed = client.place("later", &[("A", 2)]).await?.is(201);
    let _ = client.pay("later", &placed).await?.is(200);
    let _ = client.ship("later").await?.is(200);
    let lost = client.cancel("o-1").await?.is(404);
    assert_eq!(lost.code(), "unknown-order");
    system.settle().await?;
    assert_eq!(client.get("/v1/orders/later").await?.is(200).body["status"], "shipped");
    // What is known of the lost orders stays, and so does the stock that they hold.
    assert_eq!(client.get("/v1/orders/o-0").await?.is(200).body["status"], "paid");
    let shown = client.get("/v1/products/A").await?.is(200).body;
    assert_eq!((&shown["on_hand"], &shown["reserved"]), (&103.into(), &12.into()), "{shown}");
    assert_eq!(system.projectors[0].metric("projector_gap_open", "").await?, 0.0);
    let _ = system.tool.verify().await?.is_ok();
    system.stop().await
}

async fn delete_topic(system: &System) -> anyhow::Result<()> {
    let servers = system.stack().bootstrap_servers();
    let delete = ["--bootstrap-server", &servers, "--delete", "--topic", COMMANDS.name()];
    Ok(system.stack().kafka_tool(TOPICS, &delete).await?)
}

async fn the_tool_refuses_to_make_it_in_silence(system: &System) -> anyhow::Result<()> {
    // Deleted in the background: as long as it is there, there is nothing to do.
    until("the tool sees that it is gone", async || {
        let (code, steps) = system.tool.run(&["topics", "apply", "--yes", "-o", "json"]).await?;
        let steps = steps.to_string();
        ensure!(code == 1 && steps.contains("create-topic"), "{code} {steps}");
        Ok(())
    })
    .await
}

/// As somebody would who knows the settings and not what they do.
async fn make_topic_by_hand(system: &System, profile: &Profile) -> anyhow::Result<()> {
    let servers = system.stack().bootstrap_servers();
    let (partitions, copies) = (profile.partitions(COMMANDS), profile.replication);
    let (partitions, copies) = (partitions.to_string(), copies.to_string());
    let settings = profile.settings(COMMANDS).into_iter();
    let settings: Vec<String> = settings.map(|(name, value)| format!("{name}={value}")).collect();
    let mut create = vec!["--bootstrap-server", &servers, "--create", "--topic", COMMANDS.name()];
    create.extend(["--partitions", &partitions, "--replication-factor", &copies]);
    create.extend(settings.iter().flat_map(|setting| ["--config", setting]));
    system.stack().kafka_tool(TOPICS, &create).await.context("the topic could not be made")
}
