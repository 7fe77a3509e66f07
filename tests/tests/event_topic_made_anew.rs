//! An event topic is deleted and made again: nothing of it is lost, because it is a function of the
//! command log. `spillway topics apply` makes it, `spillway repair` fills it, byte for byte.

use std::collections::BTreeMap;

use anyhow::ensure;
use eventlog::Partition;
use events::{Kind, Topic, header::View, profile::Profile};
use spillway_tests::{System, SystemOptions, until};

const TOPICS: &str = "org.apache.kafka.tools.TopicCommand";
const EVENTS: Topic = Topic::Events(Kind::Orders);

/// What a reader finds of one record: key, value and headers.
type Content = (Option<Vec<u8>>, Option<Vec<u8>>, Vec<(String, Vec<u8>)>);

#[tokio::test]
async fn an_event_topic_that_was_deleted_is_made_again_and_written_again() -> anyhow::Result<()> {
    let profile = Profile::REPLICATED;
    let system = System::start(SystemOptions { profile, ..SystemOptions::default() }).await?;
    let client = system.client()?.patient();
    client.stock("A", 500, 100).await?;
    for n in 0..12 {
        let placed = client.place(&format!("o-{n}"), &[("A", 1)]).await?.is(201);
        let _ = client.pay(&format!("o-{n}"), &placed).await?.is(200);
    }
    system.settle().await?;
    let before = accepted(&system).await?;

    // The partitions have had other leaders, as after any restart of a broker. Those of the topic
    // that is made again begin to count their leaders anew, which the clients that are open hold for
    // old news: they go on asking brokers that lead nothing.
    for seed in 0..3 {
        system.move_leaders(seed).await?;
    }
    let servers = system.stack().bootstrap_servers();
    let delete = ["--bootstrap-server", &servers, "--delete", "--topic", EVENTS.name()];
    system.stack().kafka_tool(TOPICS, &delete).await?;
    // Deleted in the background: until it is gone, it cannot be made.
    until("the topic is made again", async || {
        let made = system.tool.done(&["topics", "apply", "--yes"]).await?;
        ensure!(made.to_string().contains(EVENTS.name()), "{made}");
        Ok(())
    })
    .await?;
    // Only after the topic is there again can an order be decided for good.
    let placed = client.place("later", &[("A", 1)]).await?.is(201);
    let _ = client.pay("later", &placed).await?.is(200);
    until("every command is decided", async || system.log.is_decided().await).await?;
    // The rows are of events that are not there.
    let _ = system.tool.verify().await?.is_wrong(&["missing", "row-unexpected"]);

    for partition in Partition::all_of(EVENTS, profile.partitions(EVENTS)) {
        let shard = format!("orders/{}", partition.number);
        system.tool.done(&["repair", "--shard", &shard, "--from", "0", "--yes"]).await?;
    }
    system.settle().await?;
    let after = accepted(&system).await?;
    for (partition, contents) in &before {
        let again = &after[partition];
        assert!(again.starts_with(contents), "{partition}: {contents:?}, then {again:?}");
    }
    let shown = client.get("/v1/orders/later").await?.is(200);
    assert_eq!(shown.body["status"], "paid");
    let _ = system.tool.verify().await?.is_ok();
    system.stop().await
}

/// What a reader that begins at the start takes from each partition.
async fn accepted(system: &System) -> anyhow::Result<BTreeMap<Partition, Vec<Content>>> {
    use events::position::{Arrival, Mark};
    let mut partitions: BTreeMap<Partition, (Mark, Vec<Content>)> = BTreeMap::new();
    for record in system.log.read_topic(EVENTS).await? {
        let headers = record.headers();
        let Some((_, mark)) = View(&headers).link() else { continue };
        let (last, contents) = partitions.entry(record.partition.clone()).or_default();
        if last.arrival(mark) == Arrival::Next {
            *last = mark;
            let owned = headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
            let (key, value) = (record.key(), record.value());
            contents.push((key.map(<[u8]>::to_vec), value.map(<[u8]>::to_vec), owned.collect()));
        }
    }
    Ok(partitions.into_iter().map(|(partition, (_, contents))| (partition, contents)).collect())
}
