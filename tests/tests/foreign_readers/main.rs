//! The consumers in `examples/`, in Python and Java, on the real stack: what they count from
//! `products.events.v1` is what the read model says, whatever lies twice in the log.

mod altered;
mod readers;

use events::{Kind, Topic};
use readers::Reader;
use serde_json::{Value, json};
use spillway_tests::{Client, System, SystemOptions};
use tempfile::TempDir;

#[tokio::test]
async fn foreign_readers_count_each_event_once() -> anyhow::Result<()> {
    let system = System::start(SystemOptions::default()).await?;
    let readers = readers::all(&system)?;
    let client = system.client()?.patient();
    let folder = tempfile::tempdir()?;
    sell(&client, 0).await?;
    system.command_apis[0].kill().await?;
    system.command_apis[0].start().await?;
    written_twice(&system).await?;
    as_the_read_model_says(&system, &readers, &folder).await?;
    sell(&client, 1).await?;
    as_the_read_model_says(&system, &readers, &folder).await?;
    running_stock_is_printed_until_the_reader_is_stopped(&client, &readers).await?;
    altered::partitions_are_read_by_the_rule(&system, &readers, &folder).await?;
    system.stop().await
}

/// Orders of every fate over a few products.
async fn sell(client: &Client, round: usize) -> anyhow::Result<()> {
    for sku in ["A", "B", "C", "D", "E", "F"] {
        let _ = client.register(sku, 500).await?.is(201);
        let _ = client.receive(sku, &format!("note {round} of {sku}"), 20).await?.is(200);
    }
    for n in 0..4 {
        let order = |fate: &str| format!("{fate}-{round}-{n}");
        let lines = [("A", 1), ("B", 2), ("F", 1)];
        let placed = client.place(&order("shipped"), &lines).await?.is(201);
        let _ = client.pay(&order("shipped"), &placed).await?.is(200);
        let _ = client.ship(&order("shipped")).await?.is(200);
        let _ = client.place(&order("cancelled"), &[("C", 2), ("D", 1)]).await?.is(201);
        let _ = client.cancel(&order("cancelled")).await?.is(200);
        let _ = client.place(&order("held"), &[("D", 1), ("E", 1)]).await?.is(201);
        let _ = client.place(&order("refused"), &[("E", 1_000), ("A", 1)]).await?.is(409);
    }
    Ok(())
}

/// Every product event lies in the log once more.
async fn written_twice(system: &System) -> anyhow::Result<()> {
    for partition in system.log.partitions(Topic::Events(Kind::Products)) {
        let shard = format!("products/{}", partition.number);
        system.tool.done(&["repair", "--shard", &shard, "--from", "0", "--yes"]).await?;
    }
    Ok(())
}

async fn as_the_read_model_says(
    system: &System,
    readers: &[Reader],
    folder: &TempDir,
) -> anyhow::Result<()> {
    system.settle().await?;
    let expected = read_model(system).await?;
    for reader in readers {
        let told = reader.to_end(&[]).await?;
        assert_eq!(told["stock"], expected, "{}: {told:#}", reader.language);
        let repeats = told["repeats"].as_u64();
        assert!(repeats.is_some_and(|n| n > 0), "{}: {told:#}", reader.language);
        let odd = (&told["gaps"], &told["discarded"], &told["aside"]);
        assert_eq!(odd, (&json!({}), &json!(0), &json!(0)), "{}", reader.language);
    }
    // The same with a memory of its own, from where the last run has ended.
    let state = folder.path().join("stock.db").display().to_string();
    let told = readers[0].to_end(&["--state", &state]).await?;
    assert_eq!(told["stock"], expected, "{told:#}");
    let again = readers[0].to_end(&["--state", &state]).await?;
    assert_eq!((&again["stock"], &again["applied"]), (&expected, &json!(0)), "{again:#}");
    Ok(())
}

async fn read_model(system: &System) -> anyhow::Result<Value> {
    let rows: Vec<(String, i64, i64)> =
        sqlx::query_as("SELECT sku, on_hand, reserved FROM products")
            .fetch_all(&system.rows)
            .await?;
    let pieces =
        |(sku, on_hand, reserved)| (sku, json!({"on_hand": on_hand, "reserved": reserved}));
    Ok(Value::Object(rows.into_iter().map(pieces).collect()))
}

async fn running_stock_is_printed_until_the_reader_is_stopped(
    client: &Client,
    readers: &[Reader],
) -> anyhow::Result<()> {
    for reader in readers {
        let sku = format!("for-{}", reader.language);
        let mut running = reader.start()?;
        let _ = client.stock(&sku, 100, 7).await?.is(200);
        running.prints(&json!({&sku: {"on_hand": 7, "reserved": 0}})).await?;
        let _ = client.place(&format!("o-{sku}"), &[(&sku, 2)]).await?.is(201);
        let expected = json!({"on_hand": 7, "reserved": 2});
        running.prints(&json!({&sku: expected})).await?;
        let told = running.stop().await?;
        assert_eq!(told["stock"][&sku], expected, "{}: {told:#}", reader.language);
    }
    Ok(())
}
