//! Every copy of an event partition loses its end: what was acknowledged is gone. A reader that had
//! not read it raises a gap and applies nothing behind it; `spillway repair` heals it.

use anyhow::{Context as _, ensure};
use eventlog::Partition;
use events::{Kind, Topic, header::View, partitioner::shard_of, position::Mark, profile::Profile};
use spillway_tests::{System, SystemOptions, until};

const SKU: &str = "A";

#[tokio::test]
async fn the_lost_end_of_an_event_partition_is_a_gap_until_it_is_repaired() -> anyhow::Result<()> {
    let profile = Profile::REPLICATED;
    let system = System::start(SystemOptions { profile, ..SystemOptions::default() }).await?;
    let client = system.client()?.patient();
    client.stock(SKU, 500, 100).await?;
    let [seen, lost, later] = orders_of_one_shard(&profile);
    let _ = client.place(&seen, &[(SKU, 1)]).await?.is(201);
    system.settle().await?;

    // The projector falls behind, then the power fails.
    let projector = &system.projectors[0];
    projector.term().await?;
    let _ = client.place(&lost, &[(SKU, 2)]).await?.is(201);
    until("every command is decided", async || system.log.is_decided().await).await?;
    let shard = shard_of(Kind::Orders, &lost, profile.orders_partitions);
    let events = Partition::of(Topic::Events(Kind::Orders), shard.partition);
    let before = last(&system, &events).await?;
    let end = system.lose_last_batch(&events).await?.context("the partition is empty")?;
    let after = last(&system, &events).await?;
    ensure!(after.0 < before.0, "nothing was lost: {before:?}, {after:?}, {end}");

    // The answer that was given stays true, and a new order is decided.
    let again = client.place(&lost, &[(SKU, 2)]).await?.is(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    let placed = client.place(&later, &[(SKU, 3)]).await?.is(201);
    projector.start().await?;
    until("the projector has raised a gap", async || {
        let gaps = projector.metric("projector_gap_open", "").await?;
        ensure!(gaps >= 1.0, "{gaps} gaps");
        Ok(())
    })
    .await?;
    let shown = client.get_once_after(&placed, &format!("/v1/orders/{later}")).await?;
    assert_eq!(shown.status, 425, "{}", shown.body);
    until("every command is decided", async || system.log.is_decided().await).await?;
    let _ = system.tool.verify().await?.is_wrong(&["missing"]);

    // The offset is in the origin of the last event before the gap, as the operators' page says.
    let (_, origin) = after;
    let (shard, from) = (shard.to_string(), origin.to_string());
    system.tool.done(&["repair", "--shard", &shard, "--from", &from, "--yes"]).await?;
    until("the gap is closed", async || {
        let gaps = projector.metric("projector_gap_open", "").await?;
        ensure!(gaps == 0.0, "{gaps} gaps");
        Ok(())
    })
    .await?;
    system.settle().await?;
    for order in [&seen, &lost, &later] {
        assert_eq!(
            client.get(&format!("/v1/orders/{order}")).await?.is(200).body["status"],
            "reserved"
        );
    }
    let _ = system.tool.verify().await?.is_ok();
    system.stop().await
}

/// Order ids that one shard decides.
fn orders_of_one_shard(profile: &Profile) -> [String; 3] {
    let shard = |id: &String| shard_of(Kind::Orders, id, profile.orders_partitions);
    let first = "o-0".to_owned();
    let mut ids = (0..).map(|n| format!("o-{n}")).filter(|id| shard(id) == shard(&first));
    std::array::from_fn(|_| ids.next().unwrap_or_default())
}

/// The mark and the origin's offset of the last record of a partition.
async fn last(system: &System, partition: &Partition) -> anyhow::Result<(Mark, i64)> {
    // Brokers that have just started elect leaders first.
    let read = async || system.log.read(partition.clone()).await;
    let records = until("the partition can be read", read).await?;
    let record = records.last().context("the partition is empty")?;
    let headers = record.headers();
    let view = View(&headers);
    let (_, mark) = view.link().context("a record without a link")?;
    Ok((mark, view.origin().context("a record without an origin")?.offset))
}
