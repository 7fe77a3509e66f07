//! `spillway verify` fails when it must: a changed row, a lost one, an invented one, a forged event.

use anyhow::Context as _;
use eventlog::{Partition, Record};
use events::{
    Event, Kind, Topic,
    codec::Confluent,
    header::{self, View},
    partitioner::shard_of,
    product::StockReceived,
    profile::Profile,
};
use spillway_tests::{Client, RawRecord, System, SystemOptions, until};

#[tokio::test]
async fn verify_finds_what_was_tampered_with() -> anyhow::Result<()> {
    let system = System::start(SystemOptions::default()).await?;
    let client = system.client()?;
    a_shop_has_sold(&client).await?;
    system.settle().await?;
    let _ = system.tool.verify().await?.is_ok();

    a_changed_row_differs(&system).await?;
    a_deleted_row_is_missing(&system).await?;
    an_invented_row_is_unexpected(&system).await?;
    let _ = system.tool.verify().await?.is_ok();
    // The last one: a log only appends, so it cannot be put right again.
    a_forged_event_is_unexpected(&system, &client).await?;
    system.stop().await
}

async fn a_shop_has_sold(client: &Client) -> anyhow::Result<()> {
    client.stock("A", 500, 20).await?;
    client.stock("B", 700, 20).await?;
    for order_id in ["o-1", "o-2", "o-3"] {
        let placed = client.place(order_id, &[("A", 2), ("B", 1)]).await?.is(201);
        let _ = client.pay(order_id, &placed).await?.is(200);
    }
    Ok(())
}

async fn a_changed_row_differs(system: &System) -> anyhow::Result<()> {
    let changes = [
        ("orders o-2", "UPDATE orders SET total_amount = total_amount + $1 WHERE order_id = 'o-2'"),
        ("products B", "UPDATE products SET on_hand = on_hand + $1 WHERE sku = 'B'"),
        (
            "order_lines o-3 line 1",
            "UPDATE order_lines SET quantity = quantity + $1 WHERE order_id = 'o-3' AND line = 1",
        ),
        (
            "outcomes",
            "UPDATE outcomes SET version = version + $1 WHERE key = 'o-1' AND command = 'PayOrder'",
        ),
    ];
    for (place, change) in changes {
        let change = async |by: i64| sqlx::query(change).bind(by).execute(&system.rows).await;
        assert_eq!(change(1).await?.rows_affected(), 1, "{place}");
        let verdict = system.tool.verify().await?.is_wrong(&["row-differs"]);
        let places = verdict.places("row-differs");
        assert!(places.len() == 1 && places[0].starts_with(place), "{places:?}");
        change(-1).await?;
    }
    Ok(())
}

async fn a_deleted_row_is_missing(system: &System) -> anyhow::Result<()> {
    for statement in [
        "CREATE TABLE kept AS SELECT * FROM products WHERE sku = 'A'",
        "DELETE FROM products WHERE sku = 'A'",
    ] {
        sqlx::query(statement).execute(&system.rows).await?;
    }
    let verdict = system.tool.verify().await?.is_wrong(&["row-missing"]);
    assert_eq!(verdict.places("row-missing"), ["products A"]);
    for statement in ["INSERT INTO products SELECT * FROM kept", "DROP TABLE kept"] {
        sqlx::query(statement).execute(&system.rows).await?;
    }
    Ok(())
}

async fn an_invented_row_is_unexpected(system: &System) -> anyhow::Result<()> {
    let copy = "INSERT INTO products
        SELECT 'Z', name, price_amount, currency, on_hand, reserved, registered_at, updated_at,
               version, source_partition
          FROM products WHERE sku = 'A'";
    sqlx::query(copy).execute(&system.rows).await?;
    let verdict = system.tool.verify().await?.is_wrong(&["row-unexpected"]);
    assert_eq!(verdict.places("row-unexpected"), ["products Z"]);
    sqlx::query("DELETE FROM products WHERE sku = 'Z'").execute(&system.rows).await?;
    Ok(())
}

/// A delivery that nobody made, with everything that readers look at as it must be.
async fn a_forged_event_is_unexpected(system: &System, client: &Client) -> anyhow::Result<()> {
    let shard = shard_of(Kind::Products, "A", Profile::LOCAL.products_partitions);
    let partition = Partition::of(Topic::Events(Kind::Products), shard.partition);
    let records = system.log.read(partition.clone()).await?;
    let received = records
        .iter()
        .find(|record| is(record, "spillway.events.StockReceived"))
        .context("no delivery")?;
    let last = records.last().context("no events")?;
    let product = client.get("/v1/products/A").await?.is(200).body;
    let version = product["version"].as_i64().context("no version")? + 1;
    let (_, mark) = View(&last.headers()).link().context("no link")?;
    let origin = text(last, header::ORIGIN);
    let forged: Event =
        StockReceived { sku: "A".to_owned(), reference: "nobody's".to_owned(), quantity: 1_000 }
            .into();
    let value = Confluent::frame(received.event_datum()?.schema_id, &forged.to_datum());
    let record = RawRecord {
        partition,
        key: Some(b"A".to_vec()),
        value,
        headers: vec![
            (header::ORIGIN, origin.clone()),
            (header::LINK_SEQUENCE, (mark.link_sequence + 1).to_string()),
            (header::PART, "1/1".to_owned()),
            (header::CHAIN, text(last, header::CHAIN)),
            (header::VERSION, version.to_string()),
            (header::CE_SPECVERSION, "1.0".to_owned()),
            (header::CE_ID, origin),
            (header::CE_SOURCE, text(last, header::CE_SOURCE)),
            (header::CE_SUBJECT, "A".to_owned()),
            (header::CE_TYPE, text(received, header::CE_TYPE)),
            (header::CE_TIME, text(last, header::CE_TIME)),
            (header::CONTENT_TYPE, header::AVRO.to_owned()),
        ],
    };
    let offset = system.log.append(record).await?;
    // No reader can tell: the forged pieces are for sale.
    let on_hand = product["on_hand"].as_i64().context("no stock")? + 1_000;
    until("the forged delivery is shown", async || {
        let shown = client.get("/v1/products/A").await?.is(200);
        anyhow::ensure!(shown.body["on_hand"] == on_hand, "{}", shown.body);
        Ok(())
    })
    .await?;
    let verdict = system.tool.verify().await?.is_wrong(&["unexpected"]);
    let place = format!("products.events.v1/{} at {offset}", shard.partition);
    assert_eq!(verdict.places("unexpected"), [place]);
    Ok(())
}

fn is(record: &Record, name: &str) -> bool {
    record.header(header::CE_TYPE) == Some(name.as_bytes())
}

fn text(record: &Record, name: &str) -> String {
    String::from_utf8_lossy(record.header(name).unwrap_or_default()).into_owned()
}
